import numpy as np
import pytest

from pipeline import topics
from pipeline.erasure.issue import make_receipt, what_is_kept, what_waits
from pipeline.erasure.receipt import Keeping, Receipt, Withdrawal
from pipeline.erasure.sought import ENROLMENT, NAMED, OTHERS_LINKS
from pipeline.erasure.survey import Found
from pipeline.erasure.trace import Trace
from pipeline.errors import SesameError
from pipeline.gateway.rows import KEEP_MS, PERSON_ROW, PERSON_ROW_LAYOUT
from pipeline.streaming.position import Position
from pipeline.topics import Topic

NOW_MS = 1_000_000
LEFT = Withdrawal(topic="consents", partition=1, offset=7, occurred_at=500)
STATE, GATEWAY = topics.CHANGELOG, topics.GATEWAY_CHANGELOG
NEXT = topics.changelog_of(2)


def trace(table: str, *values: bytes | None, key: bytes = b"ann", others: bool = False) -> Trace:
    """Records at offsets 10, 11, ... under one key."""
    made = Trace(table, key, None if others else key)
    for offset, value in enumerate(values, 10):
        made.add(offset, 500, value)
    return made


def found(*held: tuple[Topic, Trace], **applied: dict[str, int]) -> Found:
    """What partition 1 of topics holds, and what its changelogs have applied."""
    made = Found()
    for topic, each in held:
        made.traces.setdefault((topic.name, 1), {})[each.key] = each
    names = {"pipeline": STATE.name, "replay": NEXT.name, "gateway": GATEWAY.name}
    for who, offsets in applied.items():
        made.positions[names[who], 1] = Position(dict(offsets))
    return made


def receipt(seen: Found) -> Receipt:
    configs = {
        name: (topics.SCORE_CHANGES.config() | topics.SCORES.config()) for name, _ in seen.traces
    }
    return make_receipt(seen, "ann", (LEFT,), configs, "00" * 16, NOW_MS)


def memory(cut_seen_ms: int) -> bytes:
    row = np.zeros((), PERSON_ROW)
    row["layout"], row["cut_at_ms"], row["cut_seen_ms"] = PERSON_ROW_LAYOUT, 500, cut_seen_ms
    return bytes(row.tobytes())


def test_rows_scores_grants_and_what_is_shown_are_kept_and_logs_are_not() -> None:
    shown = topics.partner_scores("rental")
    seen = found(
        (STATE, trace("factor row", b"r", key=b"rann")),
        (topics.SCORES, trace("Score", b"s")),
        (GATEWAY, trace("grant", b"g", key=b"grental\0X\0ann")),
        (shown, trace("PartnerScore", b"p", key=b"subject")),
        (topics.SCORE_CHANGES, trace("Score", b"s")),
        (GATEWAY, trace(ENROLMENT, memory(5), key=b"eann")),
        (STATE, trace(OTHERS_LINKS, b"k", key=b"kbob", others=True)),
    )
    kept = {(name, each.table) for (name, _), each in what_is_kept(seen)}
    assert kept == {
        (STATE.name, "factor row"),
        ("scores", "Score"),
        (GATEWAY.name, "grant"),
        (shown.name, "PartnerScore"),
    }


@pytest.mark.parametrize(
    ("applied", "missing"),
    [
        ({}, "worker"),
        ({"pipeline": {"consents": 6}}, "worker"),
        ({"pipeline": {"consents": 7}}, None),
        ({"pipeline": {"consents": 7}, "gateway": {"consents": 6}}, "gateway"),
        ({"pipeline": {"consents": 7}, "gateway": {"consents": 9}}, None),
        ({"pipeline": {"consents": 6}, "replay": {"consents": 7}}, None),
    ],
)
def test_what_has_not_applied_the_withdrawal_is_named(
    applied: dict[str, dict[str, int]], missing: str | None
) -> None:
    waits = what_waits(found(**applied), [STATE, NEXT], [LEFT])
    assert waits is None if missing is None else missing in str(waits)


@pytest.mark.parametrize(("applied", "waits"), [(10, True), (11, False)])
def test_friends_are_waited_for_until_they_have_heard(applied: int, waits: bool) -> None:
    told = trace(NAMED, b"1", b"2", key=b"bob", others=True)
    seen = found((topics.PEER_SIGNALS, told), pipeline={"consents": 7, "peer-signals": applied})
    assert bool(what_waits(seen, [STATE], [LEFT])) is waits


def test_who_may_not_see_the_state_waits_for_the_score_to_go() -> None:
    there = found((topics.SCORES, trace("Score", b"s")))
    there.unseen[STATE.name] = "no"
    assert "still holds a score" in str(what_waits(there, [STATE], [LEFT]))
    gone = found((topics.SCORES, trace("Score", b"s", None)))
    gone.unseen[STATE.name] = "no"
    assert what_waits(gone, [STATE], [LEFT]) is None


def test_what_was_removed_is_named_with_its_tombstone_and_how_much_lay_there() -> None:
    (entry,) = receipt(found((topics.SCORES, trace("Score", b"1", b"2", None)))).removed
    assert (entry.topic, entry.partition, entry.records, entry.tombstone) == ("scores", 1, 2, 12)
    assert "ann" not in entry.key


def test_a_row_that_stands_though_all_is_applied_gives_no_receipt() -> None:
    seen = found((STATE, trace("factor row", b"r")), pipeline={"consents": 7})
    with pytest.raises(SesameError, match="still holds a factor row at offset 10"):
        receipt(seen)


def test_a_generation_that_has_not_seen_the_withdrawal_is_told_of() -> None:
    seen = found(
        (NEXT, trace("factor row", b"r")), pipeline={"consents": 7}, replay={"consents": 3}
    )
    (entry,) = receipt(seen).remaining
    assert (entry.keeping, entry.gone_by) == (Keeping.GENERATION, None)


def test_the_gateways_memory_of_the_leaving_goes_when_it_forgets() -> None:
    (entry,) = receipt(found((GATEWAY, trace(ENROLMENT, memory(5_000))))).remaining
    assert entry.keeping is Keeping.MEMORY
    assert entry.gone_by is not None
    assert 5_000 + KEEP_MS < entry.gone_by < 5_000 + KEEP_MS + topics.DAY_MS


def test_others_are_counted_and_not_named() -> None:
    seen = found(
        (STATE, trace(OTHERS_LINKS, b"k", b"k", key=b"kbob", others=True)),
        (STATE, trace(OTHERS_LINKS, b"k", key=b"keve", others=True)),
        (STATE, trace(OTHERS_LINKS, b"k", None, key=b"kdan", others=True)),
        (topics.PEER_SIGNALS, trace(NAMED, b"1", b"2", key=b"bob", others=True)),
    )
    links, signals = receipt(seen).remaining
    assert (links.keeping, links.records, links.key) == (Keeping.OTHERS, 2, None)
    assert (signals.keeping, signals.records, signals.key) == (Keeping.RETENTION, 2, None)


def test_the_ledger_stays_without_end() -> None:
    (entry,) = receipt(found((topics.CONSENTS, trace("Consent", b"1", b"2")))).remaining
    assert (entry.keeping, entry.gone_by, entry.records) == (Keeping.LEDGER, None, 2)
