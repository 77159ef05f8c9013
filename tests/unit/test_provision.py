from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

import kafka
import pytest
from kafka.errors import KafkaError, NotLeaderForPartitionError, UnknownBrokerIdError

from pipeline import provision, topics
from pipeline.errors import SesameError
from pipeline.provision import Action, TopicState, plan, wait_for_leaders, wanted
from pipeline.settings import Settings

SHOULD = wanted(Settings(partitions=4, topic_prefix="blue."), ["car-rental"])


def test_every_topic_of_the_contract_is_wanted_with_its_prefix() -> None:
    assert set(SHOULD) == {f"blue.{topic.name}" for topic in topics.ALL} | {
        "blue.partner.car-rental.scores",
        "blue.partner.car-rental.outcomes",
        "blue.partner.car-rental.enquiries",
    }
    assert {state.partitions for state in SHOULD.values()} == {4}


def test_consents_are_kept_for_ever_and_scores_compacted() -> None:
    assert SHOULD["blue.consents"].config["retention.ms"] == "-1"
    assert SHOULD["blue.consents"].config["cleanup.policy"] == "delete"
    assert SHOULD["blue.scores"].config["cleanup.policy"] == "compact"
    assert SHOULD["blue.payments"].config["retention.ms"] == str(7 * 24 * 3_600_000)


def test_what_is_kept_for_a_time_is_cut_off_day_by_day() -> None:
    day = str(24 * 3_600_000)
    assert SHOULD["blue.payments"].config["segment.ms"] == day
    assert SHOULD["blue.score-changes"].config["segment.ms"] == day
    assert "segment.ms" not in SHOULD["blue.consents"].config


def test_three_copies_need_two_in_sync_and_one_copy_one() -> None:
    three = wanted(Settings(replication_factor=3), [])
    assert three["scores"].config["min.insync.replicas"] == "2"
    assert SHOULD["blue.scores"].config["min.insync.replicas"] == "1"


def test_a_broker_that_is_right_needs_nothing() -> None:
    assert plan(SHOULD, SHOULD) == []


def test_an_entry_the_registry_does_not_name_is_left_alone() -> None:
    found = {
        name: replace(state, config={**state.config, "flush.messages": "1000"})
        for name, state in SHOULD.items()
    }
    assert plan(SHOULD, found) == []


def test_a_topic_of_others_is_left_alone() -> None:
    assert plan(SHOULD, {**SHOULD, "elsewhere": TopicState(1, 1, {})}) == []


def test_a_missing_topic_is_created() -> None:
    found = {name: state for name, state in SHOULD.items() if name != "blue.scores"}
    (difference,) = plan(SHOULD, found)
    assert (difference.topic, difference.action) == ("blue.scores", Action.CREATE)
    assert difference.config == SHOULD["blue.scores"].config


def test_only_the_entry_that_differs_is_set() -> None:
    config = {**SHOULD["blue.payments"].config, "retention.ms": "1"}
    found = {**SHOULD, "blue.payments": replace(SHOULD["blue.payments"], config=config)}
    (difference,) = plan(SHOULD, found)
    assert difference.action is Action.CONFIGURE
    assert difference.config == {"retention.ms": "604800000"}
    assert difference.reason == "retention.ms is 1, not 604800000"


def test_another_partition_count_is_refused_not_changed() -> None:
    found = {**SHOULD, "blue.payments": replace(SHOULD["blue.payments"], partitions=3)}
    (difference,) = plan(SHOULD, found)
    assert difference.action is Action.REFUSE
    assert difference.reason == "has 3 partitions, not 4"
    assert difference.config == {}


class Leaders:
    """An administration client of one topic of two partitions, whose leaders answer in turn so."""

    def __init__(self, answers: Iterator[KafkaError | None]) -> None:
        self.asked: list[Mapping[Any, Any]] = []
        self._answers = answers

    def describe_topics(self, names: list[str]) -> list[dict[str, Any]]:
        return [{"name": name, "partitions": [{}, {}]} for name in names]

    def list_partition_offsets(self, asked: Mapping[Any, Any], *, timeout_ms: int) -> None:
        assert timeout_ms > 0
        self.asked.append(asked)
        if (error := next(self._answers)) is not None:
            raise error


def wait(leaders: Leaders) -> None:
    wait_for_leaders(cast(kafka.KafkaAdminClient, leaders), ["scores"])


def test_leaders_that_do_not_know_yet_are_asked_again() -> None:
    leaders = Leaders(iter([NotLeaderForPartitionError(), UnknownBrokerIdError(), None]))
    wait(leaders)

    partitions = {kafka.TopicPartition("scores", number) for number in (0, 1)}
    assert [set(asked) for asked in leaders.asked] == [partitions] * 3


def test_a_leader_that_never_answers_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provision, "_LEADERS_S", 0.05)
    leaders = Leaders(iter(NotLeaderForPartitionError, None))
    with pytest.raises(SesameError, match="NotLeaderForPartition"):
        wait(leaders)
