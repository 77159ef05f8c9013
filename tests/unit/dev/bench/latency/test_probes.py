from itertools import pairwise

import pytest

from pipeline import settings
from pipeline.codec.encode import decode_record
from pipeline.codec.registry import FileRegistry
from pipeline.dev.bench.latency.probes import (
    LEVELS,
    SHARES,
    Matcher,
    NotSustainedError,
    People,
    expected_answers,
)
from pipeline.dev.bench.population import new_replay
from pipeline.dev.bench.workload import END_MS
from pipeline.factors.months import month_of_ms


def test_every_level_of_balance_has_a_score_and_points_of_its_own() -> None:
    answers = expected_answers(new_replay(settings.load()))
    assert (
        sorted(answers.by_points.values()) == sorted(answers.by_score.values()) == [0, 1, 2, 3, 4]
    )
    points = {level: points for points, level in answers.by_points.items()}
    scores = {level: score for score, level in answers.by_score.items()}
    # More of the limit used, fewer points; nothing else of the score moves.
    for used_less, used_more in zip(range(LEVELS - 1), range(1, LEVELS), strict=True):
        assert points[used_less] - points[used_more] == scores[used_less] - scores[used_more] > 0


def test_a_thin_file_or_other_points_answer_nothing() -> None:
    answers = expected_answers(new_replay(settings.load()))
    (points, *_) = answers.by_points
    factors = [{"factor": "CREDIT_HISTORY", "points": points}]
    assert answers.of_score({"score": 700, "factors": factors}) == answers.by_points[points]
    assert answers.of_score({"score": None, "factors": factors}) is None
    other = [{"factor": "CREDIT_HISTORY", "points": 10_000}]
    assert answers.of_score({"score": 700, "factors": other}) is None


def test_probes_take_everybody_in_turn_and_change_the_balance_each_time() -> None:
    registry, people = FileRegistry(), People.of(2)
    probes = people.probes(0, 2 * LEVELS + 2, registry)
    told = [decode_record(probe.value or b"", registry) for probe in probes]
    assert [t["user_id"] for t in told[:4]] == ["probe-000000", "probe-000001"] * 2
    mine = [t for t in told if t["user_id"] == "probe-000000"]
    assert [t["balance_minor"] / t["limit_minor"] for t in mine] == [*SHARES, SHARES[0]]
    times = [t["occurred_at"] for t in mine]
    assert all(later - earlier >= 1_000 for earlier, later in pairwise(times))
    assert len({t["event_id"] for t in told}) == len(told)


def test_the_turn_of_the_month_is_behind_before_the_first_probe() -> None:
    registry, people = FileRegistry(), People.of(200)
    turn, (probe, *_) = people.turn(registry), people.probes(0, 1, registry)
    told = [decode_record(sent.value or b"", registry) for sent in turn]
    times = {t["occurred_at"] for t in told}
    assert {month_of_ms(at) for at in times} == {month_of_ms(END_MS)} != {month_of_ms(END_MS - 1)}
    assert max(times) < decode_record(probe.value or b"", registry)["occurred_at"]
    # Everybody pays, so that there is somebody in each partition.
    assert {t["user_id"] for t in told} == set(people.users)
    assert {t["balance_minor"] / t["limit_minor"] for t in told} == {SHARES[-1]}


def test_a_record_answers_the_probe_it_carries_and_those_before() -> None:
    matcher = Matcher()
    for turn, at in ((0, 100), (1, 200), (2, 300)):
        matcher.sent("ann", turn, turn, at)
    matcher.arrived("ann", 1, 450)
    assert matcher.latencies == {0: 350, 1: 250}
    assert matcher.unanswered == 1
    matcher.arrived("ann", 1, 460)  # the same score again, for another reason
    assert matcher.unanswered == 1
    matcher.arrived("ann", 2, 470)
    assert matcher.latencies == {0: 350, 1: 250, 2: 170}
    assert matcher.unanswered == 0


def test_a_record_from_before_a_probe_does_not_answer_it() -> None:
    matcher = Matcher()
    matcher.sent("ann", 0, 0, 500)
    matcher.arrived("ann", 0, 499)
    matcher.arrived("bob", 0, 600)
    assert matcher.unanswered == 1


def test_five_probes_in_flight_are_refused() -> None:
    matcher = Matcher()
    for turn in range(LEVELS):
        matcher.sent("ann", turn, turn, turn)
    with pytest.raises(NotSustainedError, match="5 probes of ann"):
        matcher.arrived("ann", 0, 100)
