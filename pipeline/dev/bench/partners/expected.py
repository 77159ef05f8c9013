"""What partners have to be shown, by the contract's rules, and what they were shown.

Told without the gateway's code or key: subjects cannot be foretold, so what is compared is
how often each content was shown.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.dev.bench.partners.news import News
from pipeline.dev.bench.partners.people import DISCLOSURES, EXPIRES_MS, Grants
from pipeline.errors import SesameError
from pipeline.partners.registry import Policy
from pipeline.scoring.bands import Band
from pipeline.scoring.reasons import NO_REASON

_BAND, _SCORE = DISCLOSURES.index("BAND"), DISCLOSURES.index("SCORE")
_DIFFERING_SHOWN = 3


class Shown(NamedTuple):
    """One record of a partner's topic, but for its subject, partner and time."""

    purpose: str
    disclosure: str
    admitted: str
    band: str | None
    score: int | None
    threshold: int
    reasons: tuple[str, ...]
    model: str
    grant_expires_at_ms: int | None
    sequence: int


class WrongRecordsError(SesameError):
    """A partner was not shown what it should have been: a rate would mean nothing."""


@dataclass(frozen=True, slots=True)
class PartnerRecords:
    """Everything on one partner's topic, in order within each subject."""

    partner_id: str
    subjects: list[str]
    shown: list[Shown]

    @property
    def admitted(self) -> dict[str, bool]:
        """By subject, whether the last record of it is a yes."""
        yes = (shown.admitted == "YES" for shown in self.shown)
        return dict(zip(self.subjects, yes, strict=True))


def expected(policy: Policy, grants: Grants, news: News, rounds: int) -> Counter[Shown]:
    """How often each content is to be shown, over all rounds of news."""
    most = DISCLOSURES.index(policy.disclosure)
    disclosure = np.minimum(grants.disclosure, most)
    names = np.array(DISCLOSURES)[disclosure].tolist()
    expires = [EXPIRES_MS if ends else None for ends in grants.expires.tolist()]
    reasons = _reasons(news)
    wanted: Counter[Shown] = Counter()
    for number in range(1, rounds + 1):
        chosen = news.chosen(len(disclosure), number)
        scores = news.scores.score[chosen]
        bands = [Band(code).name for code in news.scores.band[chosen].tolist()]
        for at, (level, score, portrait) in enumerate(
            zip(disclosure.tolist(), scores.tolist(), chosen.tolist(), strict=True)
        ):
            admitted = score >= policy.threshold
            wanted[
                Shown(
                    purpose=grants.purpose,
                    disclosure=names[at],
                    admitted="YES" if admitted else "NO",
                    band=bands[at] if level >= _BAND else None,
                    score=score if level >= _SCORE else None,
                    threshold=policy.threshold,
                    reasons=() if admitted else reasons[portrait],
                    model=news.model.name,
                    grant_expires_at_ms=expires[at],
                    sequence=number,
                )
            ] += 1
    return wanted


def decoded(partner_id: str, batch: pa.RecordBatch) -> PartnerRecords:
    """PartnerScore records read by column.

    Raises:
        WrongRecordsError: A record is another partner's.
    """
    if others := set(batch.column("partner_id").unique().to_pylist()) - {partner_id}:
        raise WrongRecordsError(f"{partner_id} was shown records of {sorted(others)}")
    expires = batch.column("grant_expires_at").cast(pa.int64())
    columns = {name: batch.column(name).to_pylist() for name in Shown._fields if name in _SAME}
    columns["reasons"] = [tuple(codes) for codes in columns["reasons"]]
    columns["grant_expires_at_ms"] = expires.to_pylist()
    ordered = (columns[name] for name in Shown._fields)
    shown = list(map(Shown._make, zip(*ordered, strict=True)))
    return PartnerRecords(partner_id, batch.column("subject").to_pylist(), shown)


_SAME = frozenset(Shown._fields) - {"grant_expires_at_ms"}


def check(records: PartnerRecords, wanted: Counter[Shown], people: int) -> None:
    """Hold a partner's records against what it has to be shown.

    Raises:
        WrongRecordsError: One is missing, superfluous or different, a subject's sequence has
            a gap, or there are not as many subjects as people.
    """
    partner_id = records.partner_id
    found = Counter(records.shown)
    if found != wanted:
        missing, unwanted = wanted - found, found - wanted
        raise WrongRecordsError(
            f"{partner_id} was shown {found.total()} records, {wanted.total()} were due; "
            f"{missing.total()} are missing, such as {_some(missing)}; "
            f"{unwanted.total()} were not due, such as {_some(unwanted)}"
        )
    last: dict[str, int] = {}
    for subject, shown in zip(records.subjects, records.shown, strict=True):
        if shown.sequence != last.get(subject, 0) + 1:
            raise WrongRecordsError(
                f"{partner_id}: subject {subject} has sequence {shown.sequence} after "
                f"{last.get(subject, 0)}"
            )
        last[subject] = shown.sequence
    if len(last) != people:
        raise WrongRecordsError(f"{partner_id} has {len(last)} subjects for {people} people")


def check_apart(partners: Sequence[PartnerRecords]) -> None:
    """See that no two partners have a subject in common.

    Raises:
        WrongRecordsError: They have.
    """
    seen: dict[str, str] = {}
    for records in partners:
        subjects = set(records.subjects)
        if shared := subjects & seen.keys():
            one = min(shared)
            raise WrongRecordsError(f"{records.partner_id} and {seen[one]} share subject {one}")
        seen |= dict.fromkeys(subjects, records.partner_id)


def _reasons(news: News) -> list[tuple[str, ...]]:
    """The reason codes of each score there is to choose from."""
    codes = news.model.reason_codes
    return [
        tuple(codes[at] for at in positions if at != NO_REASON)
        for positions in news.scores.reasons.tolist()
    ]


def _some(counted: Counter[Shown]) -> list[Shown]:
    return [shown for shown, _ in counted.most_common(_DIFFERING_SHOWN)]
