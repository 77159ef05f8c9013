"""Scores and their changes held against the reference's, and the numbers they bear."""

from collections import defaultdict
from collections.abc import Iterable

from pipeline.codec.registry import SchemaRegistry
from pipeline.dev.chaos.compare_state import partition_of
from pipeline.dev.chaos.evidence import Evidence
from pipeline.dev.chaos.publications import differs, told_of
from pipeline.dev.chaos.readings import Fields, fields_of
from pipeline.dev.chaos.records import Record
from pipeline.dev.chaos.refold import Refolded
from pipeline.dev.chaos.verdict import Verdict
from pipeline.reference.score import Card

ByUser = dict[str, list[Record]]


def compare_scores(  # noqa: PLR0913 - each is a thing of its own
    evidence: Evidence,
    refolded: Iterable[Refolded],
    card: Card,
    model: str,
    registry: SchemaRegistry,
    verdict: Verdict,
) -> None:
    """Every person's records: their numbers, the last of everybody, all of who is followed.

    Args:
        evidence: What was written.
        refolded: Every partition.
        card: The scorecard in force.
        model: Its name.
        registry: Reads the records.
        verdict: Takes what is found.
    """
    scores = _by_user(evidence.scores, evidence.partitions, verdict)
    changes = _by_user(evidence.score_changes, evidence.partitions, verdict)
    every: dict[str, Refolded] = {}
    for each in refolded:
        every |= dict.fromkeys(each.people, each) | dict.fromkeys(each.histories, each)
    for user in sorted(every.keys() | scores.keys() | changes.keys()):
        records = scores.get(user, [])
        told = [r.value for r in records if r.value is not None]
        if told != [r.value for r in changes.get(user, [])]:
            verdict.compare_record(f"scores and score-changes of {user} differ")
        fields = [_fields(record, registry) for record in records]
        numbers = [None if each is None else each["sequence"] for each in fields]
        check_sequence(f"score of {user}", numbers, verdict)
        verdict.compare_record(_last_differs(user, fields, every.get(user), card, model))
        history = every[user].histories.get(user) if user in every else None
        if history is not None:
            why = history.differs(fields, model)
            verdict.compare_record(why and f"scores of {user}: {why}")


def check_sequence(of: str, numbers: list[int | None], verdict: Verdict) -> None:
    """Numbers go 1, 2, 3 and so on; from 1 again after None, which takes everything back."""
    last = 0
    for number in numbers:
        if number is None:
            last = 0
        elif number <= last:
            verdict.double(f"{of}: {number} after {last}")
        else:
            if number > last + 1:
                verdict.miss(f"{of}: {number} after {last}", number - last - 1)
            last = number


def _last_differs(
    user: str, fields: list[Fields | None], refolded: Refolded | None, card: Card, model: str
) -> str | None:
    person = refolded.people.get(user) if refolded is not None else None
    told = told_of(person, refolded.month, card) if refolded and person else None
    last = fields[-1] if fields else None
    if last is not None and last["user_id"] != user:
        return f"score of {user} names {last['user_id']}"
    why = differs(last, told, model)
    return why and f"last score of {user}: {why}"


def _fields(record: Record, registry: SchemaRegistry) -> Fields | None:
    return None if record.value is None else fields_of("Score", record.value, registry)


def _by_user(records: list[Record], partitions: int, verdict: Verdict) -> ByUser:
    found: ByUser = defaultdict(list)
    for record in records:
        key = record.key or b""
        if partition_of(key, partitions) != record.partition:
            verdict.disorder(f"a score of {key!r} lies in partition {record.partition}")
        found[key.decode()].append(record)
    return found
