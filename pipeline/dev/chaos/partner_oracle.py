"""What partners must see at the end, told from consents, scores and the registry alone.

People with a grant that has an end are left out: the gateway's clock ends those, and no log
says when it looked at it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from pipeline.codec.reasons import Reason
from pipeline.codec.registry import SchemaRegistry
from pipeline.dev.chaos.compare_scores import check_sequence
from pipeline.dev.chaos.evidence import Evidence
from pipeline.dev.chaos.readings import Fields, fields_of
from pipeline.dev.chaos.records import Record
from pipeline.dev.chaos.refusals import read
from pipeline.dev.chaos.verdict import Verdict
from pipeline.gateway.keyfile import load_keyring
from pipeline.gateway.keyring import KeyRing
from pipeline.gateway.reload import registry_file
from pipeline.partners.registry import Policy, Registry, load_registry
from pipeline.settings import Settings
from pipeline.topics import CONSENTS, DAY_MS

_RANKS = ("ADMIT", "BAND", "SCORE")
_FUTURE_MS = DAY_MS
_UNTOLD = ("as_of", "sequence")
"""What a record may say otherwise without anything being news."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """Who may see what, and the keys of the subjects."""

    terms: Registry
    keyring: KeyRing

    @classmethod
    def of(cls, settings: Settings) -> "Sharing":
        """What gateways of these settings work with.

        Raises:
            RefusedError: Registry or keys are missing or wrong.
        """
        return cls(load_registry(registry_file(settings)), load_keyring(settings))


@dataclass(slots=True)
class Grants:
    """What one person decided about partners."""

    decided: list[Fields] = field(default_factory=list)
    left_ms: int = 0
    has_ends: bool = False

    def take(self, consent: Fields) -> None:
        """One consent, in any order."""
        grants, scope = consent["action"] == "GRANT", consent["scope"]
        if scope == "PARTNER":
            self.decided.append(consent)
        elif scope == "SCORING" and not grants:
            self.left_ms = max(self.left_ms, consent["occurred_at"])
        if scope in {"PARTNER", "SCORING"} and grants and consent["expires_at"] is not None:
            self.has_ends = True

    def disclosed(self, policy: Policy) -> str | None:
        """How much is granted for a partner's purpose; None: nothing."""
        about = [each for each in self.decided if _concerns(each, policy)]
        newest_ms = max((each["occurred_at"] for each in about), default=0)
        # Leaving takes back what was granted up to then.
        if newest_ms <= self.left_ms:
            return None
        newest = [each for each in about if each["occurred_at"] == newest_ms]
        if any(each["action"] == "WITHDRAW" for each in newest):
            return None
        return min((str(each["disclosure"]) for each in newest), key=_RANKS.index)


def _concerns(consent: Fields, policy: Policy) -> bool:
    if consent["partner_id"] != policy.partner_id:
        return False
    from_all = consent["action"] == "WITHDRAW" and consent["purpose"] is None
    return from_all or consent["purpose"] == policy.purpose


def shown(score: Fields | None, granted: str | None, policy: Policy) -> Fields | None:
    """What a partner sees of a score, apart from subject and sequence; None: nothing."""
    if score is None or granted is None or score["status"] != "SCORED":
        return None
    disclosure = min(granted, str(policy.disclosure), key=_RANKS.index)
    admitted = score["score"] >= policy.threshold
    return {
        "partner_id": policy.partner_id,
        "purpose": str(policy.purpose),
        "disclosure": disclosure,
        "admitted": "YES" if admitted else "NO",
        "band": score["band"] if disclosure != "ADMIT" else None,
        "score": score["score"] if disclosure == "SCORE" else None,
        "threshold": policy.threshold,
        "reasons": [] if admitted else score["reasons"],
        "model": score["model"],
        "as_of": score["as_of"] // DAY_MS * DAY_MS,
        "grant_expires_at": None,
    }


def compare_partners(
    evidence: Evidence, sharing: Sharing, registry: SchemaRegistry, verdict: Verdict
) -> None:
    """Every subject's records at every partner: the last ones, their numbers, and no others."""
    grants = _grants(evidence.inputs.items(), registry)
    scores: dict[str, list[Fields | None]] = defaultdict(list)
    for record in evidence.scores:
        value = record.value
        fields = None if value is None else fields_of("Score", value, registry)
        scores[(record.key or b"").decode()].append(fields)
    for partner_id, records in evidence.partners.items():
        found = _by_subject(records, registry)
        known: set[str] = set()
        for policy in sharing.terms.policies(partner_id).values():
            for user, person in grants.items():
                subject = sharing.keyring.subject(user, partner_id, policy.purpose)
                known.add(subject)
                if not person.has_ends:
                    told, score = found.get(subject, []), scores.get(user, [])
                    _compare(f"{user} at {partner_id}", told, score, person, policy, verdict)
        for subject in found.keys() - known:
            verdict.compare_record(f"{partner_id} was shown {subject}, who granted nothing")


def _compare(  # noqa: PLR0913 - each is a thing of its own
    of: str,
    found: Sequence[Fields | None],
    scores: Sequence[Fields | None],
    person: Grants,
    policy: Policy,
    verdict: Verdict,
) -> None:
    """One subject's records, None where it is null."""
    numbers = [None if each is None else int(each["sequence"]) for each in found]
    check_sequence(f"record of {of}", numbers, verdict)
    last = None if not found or found[-1] is None else found[-1]
    wanted = shown(scores[-1] if scores else None, person.disclosed(policy), policy)
    verdict.compare_record(_differs(of, last, wanted))
    for before, after in pairwise((None, *found)):
        if after is None and before is None:
            verdict.double(f"record of {of}: null where nothing stood")
        elif after is not None and before is not None and _visible(after) == _visible(before):
            verdict.double(f"record of {of}: {after['sequence']} says what stood there")
    ever = [shown(score, rank, policy) for score in scores for rank in _RANKS]
    seen = [_visible(each) for each in ever if each is not None]
    for each in found:
        if each is not None and _visible(each) not in seen:
            verdict.compare_record(f"record of {of}: {each} was never true")


def _differs(of: str, found: Fields | None, wanted: Fields | None) -> str | None:
    if found is None or wanted is None:
        if found is wanted:
            return None
        return f"record of {of} {'is missing' if found is None else 'must be taken back'}"
    wrong = [
        f"{name} is {found[name]!r}, must be {wanted[name]!r}"
        for name in wanted
        # A record stays as it was where a later score looks the same.
        if name != "as_of" and found[name] != wanted[name]
    ]
    if found["as_of"] > wanted["as_of"]:
        wrong.append(f"as_of is {found['as_of']}, after the score's {wanted['as_of']}")
    return f"record of {of}: {'; '.join(wrong)}" if wrong else None


def _visible(fields: Fields) -> Fields:
    told = {name: value for name, value in fields.items() if name not in (*_UNTOLD, "subject")}
    return told | {"grant_expires_at": None}


def _grants(
    inputs: Iterable[tuple[tuple[str, int], Sequence[Record]]], registry: SchemaRegistry
) -> Mapping[str, Grants]:
    """Everybody's decisions, from the consents that count."""
    people: dict[str, Grants] = defaultdict(Grants)
    for user, consent in _consents(inputs, registry):
        people[user].take(consent)
    return {user: grants for user, grants in people.items() if grants.decided}


def _consents(
    inputs: Iterable[tuple[tuple[str, int], Sequence[Record]]], registry: SchemaRegistry
) -> Iterator[tuple[str, Fields]]:
    for (name, _), records in inputs:
        for record in records if name == CONSENTS.name else ():
            fields = read(CONSENTS, record.key, record.value, registry)
            if isinstance(fields, Reason):
                continue
            if fields["occurred_at"] <= record.timestamp_ms + _FUTURE_MS:
                yield fields["user_id"], fields


def _by_subject(
    records: Iterable[Record], registry: SchemaRegistry
) -> Mapping[str, list[Fields | None]]:
    found: dict[str, list[Fields | None]] = defaultdict(list)
    for record in records:
        value = record.value
        fields = None if value is None else fields_of("PartnerScore", value, registry)
        found[(record.key or b"").decode()].append(fields)
    return found
