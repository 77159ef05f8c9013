from collections.abc import Sequence
from dataclasses import replace

import pytest

from pipeline.erasure.judge import Evidence, Present, State, contradictions, judge
from pipeline.erasure.ledger import Word
from pipeline.erasure.receipt import Keeping, Receipt, Remainder, Removal, Withdrawal

ANN, KEY = "a" * 32, "k" * 32
NOW, SOON, LATE = 1_000, 2_000, 9_000
ROW = Removal(
    topic="factor-state-changelog",
    partition=1,
    table="factor row",
    key=KEY,
    records=2,
    tombstone=40,
    tombstone_at=500,
    compacted_from=SOON,
    tombstone_until=SOON,
)
HISTORY = Remainder(
    topic="score-changes",
    partition=1,
    table="Score",
    keeping=Keeping.RETENTION,
    key=ANN,
    records=2,
    first=10,
    last=12,
    gone_by=SOON,
)


def receipt(*, removed: Sequence[Removal] = (), remaining: Sequence[Remainder] = ()) -> Receipt:
    return Receipt(
        version=1,
        salt="00" * 16,
        person=ANN,
        withdrawals=(Withdrawal(topic="consents", partition=1, offset=7, occurred_at=500),),
        completed_at=NOW,
        removed=tuple(removed),
        remaining=tuple(remaining),
        unseen=(),
    )


def evidence(  # noqa: PLR0913 - one key of one topic, and the ledger
    topic: str,
    key: str,
    values: Sequence[int] = (),
    tombstones: Sequence[int] = (),
    span: range = range(100),
    words: Sequence[Word] = (),
) -> Evidence:
    return Evidence(
        spans={(topic, 1): span, ("consents", 1): range(100)},
        present={
            (topic, 1, key): Present(list(values), list(tombstones)),
            ("consents", 1, ANN): Present([7], []),
        },
        words=list(words),
    )


def granted(offset: int, occurred_at: int) -> Word:
    return Word(1, offset, occurred_at, "SCORING", grants=True)


def state_of_row(seen: Evidence, now_ms: int = NOW) -> State:
    findings = judge(receipt(removed=[ROW]), seen, now_ms)
    (found,) = {f.state for f in findings if f.table == ROW.table}
    return found


@pytest.mark.parametrize(
    ("values", "tombstones", "now_ms", "state"),
    [
        ([3, 9], [40], NOW, State.TOMBSTONE),
        ([3, 9], [40], LATE, State.TOMBSTONE),  # nobody wrote on: not promised
        ([], [40], NOW, State.COMPACTED),
        ([], [60], NOW, State.COMPACTED),  # another erasure took its place
        ([], [], LATE, State.GONE),
        ([], [], NOW, State.CONTRADICTED),
        ([3], [], LATE, State.CONTRADICTED),
        ([41], [40], NOW, State.CONTRADICTED),
        ([41], [40, 60], NOW, State.CONTRADICTED),
    ],
)
def test_a_removed_row_is_what_its_tombstone_and_the_time_allow(
    values: list[int], tombstones: list[int], now_ms: int, state: State
) -> None:
    assert state_of_row(evidence(ROW.topic, KEY, values, tombstones), now_ms) is state


def test_a_topic_that_ends_before_the_tombstone_was_made_anew() -> None:
    score = replace(ROW, topic="scores")
    findings = judge(receipt(removed=[score]), evidence("scores", KEY, span=range(40)), NOW)
    (wrong,) = contradictions(findings)
    assert "made again" in wrong.text


@pytest.mark.parametrize("remade", [True, False])
def test_a_generation_that_a_replay_has_replaced_is_gone_and_the_next_one_looked_at(
    remade: bool,
) -> None:
    seen = evidence("factor-state-changelog.g2", KEY)
    if remade:
        seen.spans[ROW.topic, 1] = range(0)
    else:
        seen.unseen[ROW.topic] = "it is not there"
    assert state_of_row(seen) is State.GONE
    seen.present["factor-state-changelog.g2", 1, KEY] = Present([5], [])
    assert contradictions(judge(receipt(removed=[ROW]), seen, NOW))


def test_a_state_of_which_nothing_can_be_seen_is_not_called_gone() -> None:
    seen = Evidence(unseen={ROW.topic: "it is not there"})
    assert state_of_row(seen) is State.UNSEEN


def test_who_enrols_anew_later_has_later_rows_and_the_receipt_holds() -> None:
    seen = evidence(ROW.topic, KEY, [41], [40], words=[granted(8, 501)])
    findings = judge(receipt(removed=[ROW]), seen, NOW)
    assert contradictions(findings) == []
    assert [f.state for f in findings].count(State.ANEW) == 2


def test_a_grant_of_before_that_came_after_contradicts() -> None:
    seen = evidence(ROW.topic, KEY, [41], [40], words=[granted(8, 500)])
    (wrong,) = contradictions(judge(receipt(removed=[ROW]), seen, NOW))
    assert wrong.topic == "consents"
    assert "came after it" in wrong.text


def test_a_grant_that_was_there_before_the_withdrawal_enrols_nobody_anew() -> None:
    seen = evidence(ROW.topic, KEY, [41], [40], words=[granted(6, 400)])
    assert contradictions(judge(receipt(removed=[ROW]), seen, NOW))


def test_a_withdrawal_that_does_not_lie_where_it_should_contradicts() -> None:
    seen = evidence(ROW.topic, KEY, [], [40])
    seen.present["consents", 1, ANN] = Present([6], [])
    (wrong,) = contradictions(judge(receipt(removed=[ROW]), seen, NOW))
    assert wrong.table == "withdrawal"


@pytest.mark.parametrize(
    ("values", "now_ms", "state"),
    [
        ([10, 12], NOW, State.REMAINS),
        ([12], NOW, State.REMAINS),
        ([], NOW, State.GONE),
        ([], LATE, State.GONE),
        ([12], LATE, State.CONTRADICTED),
        ([10, 12, 13], NOW, State.CONTRADICTED),
    ],
)
def test_a_log_keeps_what_it_keeps_until_its_moment_and_takes_nothing_more(
    values: list[int], now_ms: int, state: State
) -> None:
    findings = judge(receipt(remaining=[HISTORY]), evidence(HISTORY.topic, ANN, values), now_ms)
    assert {f.state for f in findings if f.table == HISTORY.table} == {state}


def test_a_row_in_another_generation_of_the_state_contradicts() -> None:
    seen = evidence(ROW.topic, KEY, [], [40])
    seen.present["factor-state-changelog.g2", 1, KEY] = Present([5], [])
    (wrong,) = contradictions(judge(receipt(removed=[ROW]), seen, NOW))
    assert wrong.topic == "factor-state-changelog.g2"
    seen.present["factor-state-changelog.g2", 1, KEY] = Present([5], [6])
    assert contradictions(judge(receipt(removed=[ROW]), seen, NOW)) == []


def test_records_of_others_count_as_there_while_the_log_reaches_back_so_far() -> None:
    named = Remainder(
        topic="peer-signals",
        partition=1,
        table="named by others",
        keeping=Keeping.RETENTION,
        key=None,
        records=1,
        first=10,
        last=12,
        gone_by=SOON,
    )
    for span, expected in ((range(12, 99), State.CONTRADICTED), (range(13, 99), State.GONE)):
        seen = evidence(named.topic, "", span=span)
        findings = judge(receipt(remaining=[named]), seen, LATE)
        assert {f.state for f in findings if f.table == named.table} == {expected}


def test_what_could_not_be_read_is_neither_right_nor_wrong() -> None:
    seen = Evidence(unseen={ROW.topic: "the Kafka user may not read it", "consents": "no"})
    findings = judge(receipt(removed=[ROW]), seen, NOW)
    assert {f.state for f in findings} == {State.UNSEEN}
