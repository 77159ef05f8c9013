"""Whether what a receipt says is so: pure, from what the topics hold now."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from pipeline import topics
from pipeline.erasure.ledger import Word
from pipeline.erasure.receipt import Keeping, Receipt, Remainder, Removal

Key = tuple[str, int, str]
"""A topic's name, a partition's number, a key's digest."""


class State(StrEnum):
    """What became of an entry of a receipt."""

    TOMBSTONE = "tombstone stands"
    COMPACTED = "compacted"
    GONE = "gone"
    REMAINS = "remains"
    TOLD = "told only"
    UNSEEN = "not seen"
    ANEW = "enrolled anew"
    CONTRADICTED = "contradicted"


_REPLACED = "that generation of the state is gone with all that was in it"


@dataclass(frozen=True, slots=True)
class Finding:
    """One entry's state, and why in words."""

    topic: str
    partition: int
    table: str
    state: State
    text: str


@dataclass(slots=True)
class Present:
    """The offsets of a key's records that a partition holds now."""

    values: list[int] = field(default_factory=list)
    tombstones: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Evidence:
    """What the topics hold now of what a receipt names.

    ``spans`` are the offsets of each partition; a topic that cannot be read is in ``unseen``.
    ``words`` are the person's consents after the withdrawals.
    """

    spans: dict[tuple[str, int], range] = field(default_factory=dict)
    present: dict[Key, Present] = field(default_factory=dict)
    unseen: dict[str, str] = field(default_factory=dict)
    words: list[Word] = field(default_factory=list)


def judge(receipt: Receipt, evidence: Evidence, now_ms: int) -> list[Finding]:
    """Every entry of a receipt against the topics, in the receipt's order."""
    anew = _enrolled_anew(receipt, evidence.words)
    findings = [*_of_withdrawals(receipt, evidence)]
    findings += [_of_removal(entry, evidence, anew, now_ms) for entry in receipt.removed]
    findings += [_of_remainder(entry, evidence, anew, now_ms) for entry in receipt.remaining]
    findings += _of_others(receipt, evidence, anew)
    findings += [Finding(each.topic, -1, "", State.UNSEEN, each.reason) for each in receipt.unseen]
    return findings


def contradictions(findings: Iterable[Finding]) -> list[Finding]:
    """Those that say the receipt is not so."""
    return [finding for finding in findings if finding.state is State.CONTRADICTED]


def _enrolled_anew(receipt: Receipt, words: Iterable[Word]) -> Word | None:
    """The first grant of SCORING after the withdrawal."""
    due = {each.partition: each.offset for each in receipt.withdrawals}
    return next(
        (
            word
            for word in words
            if word.grants
            and word.scope == "SCORING"
            and word.offset > due.get(word.partition, word.offset)
        ),
        None,
    )


def _of_withdrawals(receipt: Receipt, evidence: Evidence) -> Iterator[Finding]:
    for each in receipt.withdrawals:
        place = each.topic, each.partition
        present = evidence.present.get((*place, receipt.person), Present())
        if each.topic in evidence.unseen:
            yield Finding(*place, "withdrawal", State.UNSEEN, evidence.unseen[each.topic])
        elif each.offset in present.values:
            yield Finding(*place, "withdrawal", State.REMAINS, f"lies at {each.offset}, as proof")
        else:
            text = f"the withdrawal does not lie at {each.offset}"
            yield Finding(*place, "withdrawal", State.CONTRADICTED, text)
    older = [w for w in [_enrolled_anew(receipt, evidence.words)] if w is not None]
    last = max((each.occurred_at for each in receipt.withdrawals), default=0)
    for word in older:
        text = f"granted again at {word.offset}, on {moment(word.occurred_at)}"
        state = State.ANEW
        if word.occurred_at <= last:
            state = State.CONTRADICTED
            text += ": a grant of before the withdrawal that came after it; withdraw again"
        yield Finding(topics.CONSENTS.name, word.partition, "grant", state, text)


def _of_removal(  # noqa: PLR0911 - one return a case
    entry: Removal, evidence: Evidence, anew: Word | None, now_ms: int
) -> Finding:
    def found(state: State, text: str) -> Finding:
        return Finding(entry.topic, entry.partition, entry.table, state, text)

    if _is_replaced(entry, evidence, entry.tombstone):
        return found(State.GONE, _REPLACED)
    if entry.topic in evidence.unseen:
        return found(State.UNSEEN, evidence.unseen[entry.topic])
    span = evidence.spans.get((entry.topic, entry.partition), range(0))
    if span.stop <= entry.tombstone:
        text = f"ends at {span.stop}, before the tombstone: it was deleted and made again"
        return found(State.CONTRADICTED, text)
    present = evidence.present.get((entry.topic, entry.partition, entry.key), Present())
    after = [offset for offset in present.values if offset > entry.tombstone]
    if after:
        state = State.ANEW if anew else State.CONTRADICTED
        return found(state, f"a value at {after[0]}, after the tombstone at {entry.tombstone}")
    before = [offset for offset in present.values if offset < entry.tombstone]
    if any(offset >= entry.tombstone for offset in present.tombstones):
        return found(*_with_tombstone(entry, before, now_ms))
    if before:
        text = f"a value at {before[0]}, and the tombstone at {entry.tombstone} is gone"
        return found(State.CONTRADICTED, text)
    if now_ms < entry.tombstone_until:
        until = moment(entry.tombstone_until)
        text = f"the tombstone at {entry.tombstone} is gone, though it stands until {until}"
        return found(State.CONTRADICTED, text)
    return found(State.GONE, "nothing is left, the tombstone neither")


def _is_replaced(entry: Removal | Remainder, evidence: Evidence, offset: int) -> bool:
    """Whether a generation of the state went as a whole: a replay deletes the ones before it.

    That the person is not in those there are now is looked at beside, see `_of_others`.
    """
    if topics.generation_of(entry.topic) is None:
        return False
    ends = {
        name: span.stop
        for (name, number), span in evidence.spans.items()
        if number == entry.partition and topics.generation_of(name) is not None
    }
    return max(ends.values(), default=0) > 0 and ends.get(entry.topic, 0) <= offset


def _with_tombstone(entry: Removal, before: list[int], now_ms: int) -> tuple[State, str]:
    if not before:
        return State.COMPACTED, f"nothing but the tombstone at {entry.tombstone}"
    text = f"{len(before)} older records under the tombstone at {entry.tombstone}, until compaction"
    if now_ms > entry.compacted_from:
        text += (
            f", which waits for the partition to be written to since {moment(entry.compacted_from)}"
        )
    return State.TOMBSTONE, text


def _of_remainder(  # noqa: PLR0911 - one return a case
    entry: Remainder, evidence: Evidence, anew: Word | None, now_ms: int
) -> Finding:
    def found(state: State, text: str) -> Finding:
        return Finding(entry.topic, entry.partition, entry.table, state, text)

    if _is_replaced(entry, evidence, entry.last):
        return found(State.GONE, _REPLACED)
    if entry.topic in evidence.unseen:
        return found(State.UNSEEN, evidence.unseen[entry.topic])
    if entry.keeping is Keeping.OTHERS:
        return found(State.TOLD, f"{entry.records} people's lists named the person")
    span = evidence.spans.get((entry.topic, entry.partition), range(0))
    if span.stop <= entry.last:
        text = f"ends at {span.stop}, before the last record at {entry.last}: made again"
        return found(State.CONTRADICTED, text)
    left, later = _left(entry, span, evidence)
    if later and entry.topic == topics.SCORE_CHANGES.name:
        state = State.ANEW if anew else State.CONTRADICTED
        return found(state, f"a score at {later[0]}, after the erasure")
    if left and entry.gone_by is not None and now_ms > entry.gone_by:
        text = f"still there, though it should be gone since {moment(entry.gone_by)}"
        return found(State.CONTRADICTED, text)
    if not left:
        return found(State.GONE, "nothing is left")
    until = "" if entry.gone_by is None else f", until {moment(entry.gone_by)} at the latest"
    return found(State.REMAINS, f"kept ({entry.keeping}){until}")


def _left(entry: Remainder, span: range, evidence: Evidence) -> tuple[bool, list[int]]:
    """Whether any of the records is left, and which came after them."""
    if entry.key is None:
        # Whose they are is not told: as long as the log reaches back so far, they may be there.
        return span.start <= entry.last, []
    key = entry.topic, entry.partition, entry.key
    values = evidence.present.get(key, Present()).values
    left = any(entry.first <= offset <= entry.last for offset in values)
    return left, [offset for offset in values if offset > entry.last]


def _of_others(receipt: Receipt, evidence: Evidence, anew: Word | None) -> Iterator[Finding]:
    """Rows of the person where the receipt knows of none: another generation, another partition."""
    named: set[Key] = {(e.topic, e.partition, e.key) for e in receipt.removed}
    named |= {(e.topic, e.partition, e.key) for e in receipt.remaining if e.key is not None}
    for (topic, partition, key), present in sorted(evidence.present.items()):
        if topics.generation_of(topic) is None or (topic, partition, key) in named:
            continue
        last = max(present.tombstones, default=-1)
        if present.values and max(present.values) > last:
            state = State.ANEW if anew else State.CONTRADICTED
            text = f"a value at {max(present.values)}, in a place the receipt does not name"
            yield Finding(topic, partition, "state", state, text)


def moment(at_ms: int) -> str:
    """A time as text, in UTC."""
    return datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(" ", "seconds")
