"""What the oracle says of runs in which something is wrong, and of one in which nothing is."""

import json
import zlib
from dataclasses import replace

import pytest

from pipeline import topics
from pipeline.codec.encode import decode_record, encode_records
from pipeline.dev.chaos.evidence import Evidence
from pipeline.dev.chaos.records import Record
from pipeline.dev.chaos.verdict import FINDINGS_MAX, Verdict
from pipeline.factors.layout import FACTOR_ROW
from pipeline.streaming.position import Position
from tests.unit.dev.chaos.runs import (
    AVRO,
    DAY_MS,
    JUNE_MS,
    MONTH_MS,
    NOW_MS,
    PREFIX,
    Run,
    ordinary,
)


@pytest.fixture
def run() -> Run:
    return ordinary()


@pytest.fixture
def evidence(run: Run) -> Evidence:
    return run.evidence()


def wrong(verdict: Verdict) -> dict[str, int]:
    """The counts that must be 0 and are not."""
    names = ("lost", "doubled", "gaps", "rows_differing", "records_differing", "disorders")
    return {name: count for name in names if (count := getattr(verdict, name))}


def last_of(records: list[Record], user: str) -> int:
    return max(at for at, record in enumerate(records) if record.key == user.encode())


def with_fields(record: Record, **changes: object) -> Record:
    fields = decode_record(record.value or b"", AVRO) | changes
    (value,) = encode_records(topics.SCORES.subject, [fields], AVRO)
    return record._replace(value=value)


def test_nothing_is_found_where_nothing_is_wrong(run: Run) -> None:
    verdict = run.judge()

    assert verdict.findings == []
    assert verdict.holds
    assert (verdict.events, verdict.applied) == (len(run.sent), len(run.sent))
    assert verdict.rows_compared == sum(len(run.evidence().states[p]) - 1 for p in range(2))
    assert verdict.letters == 2
    assert verdict.outcomes["payments", "too_late"] == 1
    assert verdict.outcomes["peer-signals", "applied"] > 0


# Lost


def test_an_event_that_no_transaction_took_is_lost(run: Run) -> None:
    run.bill("ann", JUNE_MS + 5 * MONTH_MS)

    verdict = run.judge()

    assert wrong(verdict) == {"lost": 1}
    assert verdict.applied == verdict.events - 1


def test_an_event_that_was_acknowledged_and_is_not_there_is_lost(
    run: Run, evidence: Evidence
) -> None:
    sent = run.sent[-1]
    evidence.inputs[sent.topic, sent.partition].pop()

    assert run.judge(evidence).lost == 1


def test_an_event_that_lies_there_with_other_bytes_is_lost(run: Run, evidence: Evidence) -> None:
    records = evidence.inputs[run.sent[-1].topic, run.sent[-1].partition]
    records[-1] = records[-1]._replace(value=records[0].value)

    assert f"lost: {run.sent[-1].topic}" in run.judge(evidence).findings[0]


def test_an_event_that_the_position_counts_and_the_fold_did_not_see_shows_in_the_row(
    run: Run,
) -> None:
    bill = run.bill("cat", JUNE_MS + 5 * MONTH_MS)
    run.bill("cat", JUNE_MS + 5 * MONTH_MS + DAY_MS)
    run.apply(bill.partition, without=[bill])

    verdict = run.settle().judge()

    assert wrong(verdict)["rows_differing"] == 1
    assert any("factor row of cat: paid_on_time" in finding for finding in verdict.findings)


def test_a_refused_record_without_a_letter_is_lost(run: Run, evidence: Evidence) -> None:
    del evidence.letters[0]

    verdict = run.judge(evidence)

    assert wrong(verdict) == {"lost": 1}
    assert "no dead letter" in verdict.findings[0]


# Doubled


def test_a_batch_applied_twice_by_the_journal_is_doubled(run: Run, evidence: Evidence) -> None:
    batch = next(r for r in evidence.journal if r.partition == 0)
    evidence.journal.append(batch)

    verdict = run.judge(evidence)

    first = json.loads(batch.value or b"")["applied"]
    again = sum(o - first.get(n, -1) for n, o in run.positions[0].applied.items())
    assert verdict.doubled == again


def test_a_batch_folded_twice_shows_in_the_row_when_it_outlasts_the_memory_of_ids() -> None:
    run = Run(1)
    run.enrol("ann")
    for day in range(20):
        run.bill("ann", JUNE_MS + day * DAY_MS)
    run.apply(0)
    before = run.positions[0].copy()
    run.positions[0].applied = {}
    run.apply(0)
    run.positions[0] = before
    # As if the second time had been written by a lane that did not know of the first.
    seen = run.evidence()
    seen.journal = seen.journal[:2]

    verdict = run.judge(seen)

    assert any("factor row of ann: paid_on_time" in finding for finding in verdict.findings)


def test_a_letter_written_twice_is_doubled(run: Run, evidence: Evidence) -> None:
    evidence.letters.append(evidence.letters[0])

    assert wrong(run.judge(evidence)) == {"doubled": 1}


def test_a_score_written_twice_is_doubled(run: Run, evidence: Evidence) -> None:
    for records in (evidence.scores, evidence.score_changes):
        records.append(records[last_of(records, "ann")])

    assert run.judge(evidence).doubled == 1


# Gaps


def test_a_score_that_is_missing_in_between_is_a_gap(run: Run, evidence: Evidence) -> None:
    for records in (evidence.scores, evidence.score_changes):
        own = [at for at, record in enumerate(records) if record.key == b"ann"]
        del records[own[1]]

    verdict = run.judge(evidence)

    assert verdict.gaps == 1
    assert any("score of ann: 3 after 1" in finding for finding in verdict.findings)


def test_a_publication_left_out_is_found_though_the_numbers_go_on() -> None:
    run = Run(1)
    run.enrol("ann")
    run.apply(0)
    for month in range(3):
        run.bill("ann", JUNE_MS + month * MONTH_MS)
        run.apply(0)
    seen = run.evidence()
    assert len(seen.scores) > 2
    for records in (seen.scores, seen.score_changes):
        del records[1]
        records[1:] = [with_fields(r, sequence=at) for at, r in enumerate(records[1:], 2)]

    verdict = run.judge(seen)

    assert wrong(verdict) == {"records_differing": 1}
    assert "publication 2" in verdict.findings[0]


# Rows


def test_a_row_that_differs_in_one_byte_is_found_and_named(run: Run, evidence: Evidence) -> None:
    (partition,) = (number for number in range(2) if b"rann" in evidence.states[number])
    row = bytearray(evidence.states[partition][b"rann"])
    row[FACTOR_ROW.fields["paid_late"][1] + 5] ^= 1  # type: ignore[index]
    evidence.states[partition][b"rann"] = bytes(row)

    verdict = run.judge(evidence)

    assert wrong(verdict) == {"rows_differing": 1}
    assert "factor row of ann: paid_late" in verdict.findings[0]


@pytest.mark.parametrize("key", [b"rann", b"lann", b"cann", b"kann"])
def test_each_kind_of_row_is_missed_and_compared(run: Run, evidence: Evidence, key: bytes) -> None:
    (state,) = (state for state in evidence.states.values() if key in state)
    state[key] = state[key][:-1] + bytes([state[key][-1] ^ 1])
    differing = run.judge(evidence)
    del state[key]
    missing = run.judge(evidence)

    # What was published of a factor row is at its end, and not compared.
    assert wrong(differing) == ({} if key == b"rann" else {"rows_differing": 1})
    assert wrong(missing) == {"rows_differing": 1}


def test_a_row_of_somebody_erased_is_found(run: Run, evidence: Evidence) -> None:
    (state,) = (state for state in evidence.states.values() if b"rann" in state)
    state[b"rdan"] = state[b"rann"]

    assert run.judge(evidence).rows_differing == 1


def test_a_changelog_that_stands_elsewhere_than_the_journal_is_found(
    run: Run, evidence: Evidence
) -> None:
    evidence.states[0][b"p"] = Position({"payments": 1}).encode()

    assert wrong(run.judge(evidence)) == {"disorders": 1}


# Scores


def test_a_score_with_other_points_is_found(run: Run, evidence: Evidence) -> None:
    for records in (evidence.scores, evidence.score_changes):
        at = last_of(records, "ann")
        score = decode_record(records[at].value or b"", AVRO)["score"]
        records[at] = with_fields(records[at], score=score + 1)

    verdict = run.judge(evidence)

    # As the last of the person, and as one of all.
    assert wrong(verdict) == {"records_differing": 2}
    assert "score is" in verdict.findings[0]


def test_a_month_in_which_somebody_was_not_scored_again_is_found() -> None:
    runs = []
    for swept in (None, ["bob"]):
        run = Run(1)
        for user in ("ann", "bob"):
            run.enrol(user, JUNE_MS - 30 * MONTH_MS)
            for month in range(3):
                run.bill(user, JUNE_MS - (30 - month) * MONTH_MS)
        run.apply(0)
        run.bill("bob", JUNE_MS)
        run.apply(0, swept=swept)
        runs.append(run)
    whole, without_ann = runs

    assert whole.judge().findings == []
    assert wrong(without_ann.judge()) == {"records_differing": 2}
    assert "last score of ann" in without_ann.judge().findings[0]


def test_of_people_who_are_not_followed_the_last_score_is_compared_all_the_same(
    run: Run, evidence: Evidence
) -> None:
    followed = [u for u in ("ann", "bob", "cat", "eve") if zlib.crc32(u.encode()) % 100 == 0]
    at = last_of(evidence.scores, "ann")
    for records in (evidence.scores, evidence.score_changes):
        records[at] = with_fields(records[at], score=351)

    verdict = run.judge(evidence, histories_of=100)

    assert followed == []
    assert wrong(verdict) == {"records_differing": 1}
    assert "last score of ann" in verdict.findings[0]


def test_a_change_that_says_something_else_than_the_score_is_found(
    run: Run, evidence: Evidence
) -> None:
    at = last_of(evidence.score_changes, "ann")
    evidence.score_changes[at] = with_fields(evidence.score_changes[at], computed_at=1)

    assert wrong(run.judge(evidence)) == {"records_differing": 1}


def test_a_score_of_somebody_erased_that_is_not_taken_back_is_found(
    run: Run, evidence: Evidence
) -> None:
    assert evidence.scores[last_of(evidence.scores, "dan")].value is None
    del evidence.scores[last_of(evidence.scores, "dan")]

    assert run.judge(evidence).records_differing


# The rest


def test_a_letter_with_other_bytes_or_another_reason_is_found(run: Run, evidence: Evidence) -> None:
    letter = evidence.letters[0]
    evidence.letters[0] = letter._replace(value=b"other")
    bytes_differ = run.judge(evidence)
    headers = tuple((n, b"DECODE" if n == "dlq.reason" else v) for n, v in letter.headers)
    evidence.letters[0] = letter._replace(headers=headers)

    assert wrong(bytes_differ) == {"records_differing": 1}
    assert wrong(run.judge(evidence)) == {"records_differing": 1}


def test_a_signal_that_was_never_sent_shows_at_the_other_side_of_the_link() -> None:
    run = Run(2)
    for user in ("ann", "bob"):
        run.enrol(user)
        run.befriend(user, "bob" if user == "ann" else "ann", JUNE_MS)
    for number in range(2):
        run.apply(number)
    for number in range(2):
        run.logs[topics.PEER_SIGNALS.name, number].clear()

    verdict = run.judge()

    assert {finding.split(":")[1] for finding in verdict.findings} == {
        " link of ann with bob",
        " link of bob with ann",
    }


def test_a_sweep_that_applied_records_is_found(run: Run, evidence: Evidence) -> None:
    at = next(i for i, r in enumerate(evidence.journal) if b'"BATCH"' in (r.value or b""))
    record = evidence.journal[at]
    evidence.journal[at] = record._replace(
        value=(record.value or b"").replace(b"BATCH", b"CONFIRM")
    )

    assert wrong(run.judge(evidence)) == {"disorders": 1}


def test_a_watermark_that_does_not_follow_from_the_events_is_found(
    run: Run, evidence: Evidence
) -> None:
    at, record = len(evidence.journal) - 1, evidence.journal[-1]
    content = json.loads(record.value or b"")
    content["watermark_ms"] += 1
    evidence.journal[at] = record._replace(value=json.dumps(content).encode())

    assert any("watermark" in finding for finding in run.judge(evidence).findings)


def test_a_record_said_to_be_good_that_breaks_a_rule_is_found(run: Run) -> None:
    run.sent = [replace(each, reason=None) for each in run.sent]

    verdict = run.judge()

    assert wrong(verdict) == {"disorders": 1}
    assert "by the rules it is WIRE_FORMAT" in verdict.findings[0]


def test_no_more_findings_are_told_than_can_be_read(run: Run, evidence: Evidence) -> None:
    evidence.letters *= FINDINGS_MAX * 2
    for state in evidence.states.values():
        state.clear()
    evidence.scores.clear()
    evidence.score_changes.clear()
    evidence.journal.clear()

    verdict = run.judge(evidence)

    assert verdict.lost == sum(map(len, evidence.inputs.values()))
    assert len(verdict.findings) == FINDINGS_MAX
    assert not verdict.holds


def test_time_and_prefix_are_those_of_the_run() -> None:
    run = Run(1)
    letter = run.send_bytes(topics.PAYMENTS, "ann", None, "WIRE_FORMAT")
    run.apply(0)
    (told,) = run.evidence().letters

    assert dict(told.headers)["dlq.topic"] == (PREFIX + letter.topic).encode()
    assert told.timestamp_ms == NOW_MS
