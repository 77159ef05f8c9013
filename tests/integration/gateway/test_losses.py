"""Gateways are killed, join and leave; each record for a partner is written exactly once."""

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pipeline import topics
from tests.integration.support.events import fields_of
from tests.integration.support.gateway import TWO, SharedStream, outcome, score
from tests.integration.support.load import Load
from tests.integration.support.replay import assert_partners_see_what_is_due
from tests.integration.support.stream import Input, until
from tests.integration.support.transactions import (
    LASTING,
    catch_in_a_transaction,
    until_none_is_open,
)
from tests.integration.support.worker import WorkerProcess

SMALL_TRANSACTIONS = {
    "SESAME_BATCH_RECORDS_MAX": "50",
    "SESAME_LANE_RECORDS_MAX": "50",
    "SESAME_LANE_WAITING_MAX": "500",
}
"""So that whatever happens happens among many."""
PEOPLE = [f"person-{number}" for number in range(120)]
PER_SECOND = 600
_WAIT_S = 240.0


class Traffic:
    """People's scores and partners' outcomes without an end, as they are to be seen."""

    def __init__(self, stream: SharedStream) -> None:
        self.stream = stream

    def _inputs(self) -> Iterator[Input]:
        draw = random.Random(4)
        for made in itertools.count():
            user = draw.choice(PEOPLE)
            if made % 4:
                yield score(user, draw.randrange(350, 951), made)
            else:
                partner = draw.choice(list(TWO))
                yield outcome(partner, self.stream.subject(user, partner), f"contract-{made}")

    @contextmanager
    def on_its_way(self) -> Iterator[None]:
        """Send all the while; at the end all that was sent has come through."""
        stream = self.stream
        stream.send([*stream.enrolled(PEOPLE), *(score(user, 500) for user in PEOPLE)])
        sending = Load(stream, self._inputs(), PER_SECOND)
        yield
        sending.end()
        due = {partner: self._scores_due(partner) for partner in TWO}
        stream.until(lambda: len(stream.read(topics.OBLIGATIONS)) >= len(self._reported()))
        stream.until(lambda: {partner: stream.scores_shown(partner) for partner in TWO} == due)

    def _scores_due(self, partner: str) -> dict[str, int | None]:
        sent = (placed.record for placed in self.stream.placed if placed.topic is topics.SCORES)
        latest = {(record.key or b"").decode(): record.value or b"" for record in sent}
        return {
            self.stream.subject(user, partner): fields_of("Score", value)["score"]
            for user, value in latest.items()
        }

    def _reported(self) -> Counter[str]:
        outcomes = {topics.partner_outcomes(partner).name for partner in TWO}
        return Counter(
            fields_of("PartnerOutcome", placed.record.value or b"")["event_id"]
            for placed in self.stream.placed
            if placed.topic.name in outcomes
        )

    def assert_exact(self) -> None:
        """Nothing is lost or doubled, of what partners see and of what they say."""
        assert_partners_see_what_is_due(self.stream)
        records = (self.stream.read(topics.partner_scores(partner)) for partner in TWO)
        shown = sum(map(len, records))
        disclosed = [
            fields_of("Disclosed", record.value or b"")
            for record in self.stream.read(topics.DISCLOSURES)
        ]
        assert Counter(record["kind"] for record in disclosed) == {"SHOWN": shown}
        assert len({record["event_id"] for record in disclosed}) == shown
        obligations = Counter(
            fields_of("Obligation", record.value or b"")["event_id"]
            for record in self.stream.read(topics.OBLIGATIONS)
        )
        assert obligations == self._reported()
        assert not self.stream.read(topics.DEAD_LETTERS)


@pytest.fixture
def traffic(shared: SharedStream) -> Traffic:
    return Traffic(shared)


def gateway(stream: SharedStream, **variables: str) -> WorkerProcess:
    return stream.gateway(**SMALL_TRANSACTIONS, **variables)


def shown(stream: SharedStream) -> int:
    return sum(len(stream.read(topics.partner_scores(partner))) for partner in TWO)


def until_shown(stream: SharedStream, number: int) -> None:
    until(lambda: shown(stream) >= number, lambda: f"{shown(stream)} shown", _WAIT_S)


def kill_in_a_transaction(stream: SharedStream, victim: WorkerProcess) -> None:
    everywhere = range(stream.partitions)
    catch_in_a_transaction(stream, victim, everywhere, topics.GATEWAY_CHANGELOG)
    victim.kill()


def until_shared(one: WorkerProcess, other: WorkerProcess) -> None:
    """Return when each has half of the partitions."""

    def is_shared() -> bool:
        ones, others = one.partitions(), other.partitions()
        return len(ones) == len(others) == 2 and ones | others == set(range(4))

    until(is_shared, lambda: one.log + other.log, _WAIT_S)


def test_killed_in_the_middle_of_transactions_a_gateway_goes_on_exactly(
    shared: SharedStream, traffic: Traffic
) -> None:
    with traffic.on_its_way():
        victim = gateway(shared)
        for records in (500, 1_500, 3_000):
            until_shown(shared, records)
            kill_in_a_transaction(shared, victim)
            victim = gateway(shared)

    traffic.assert_exact()


def test_a_second_gateway_takes_its_share_and_leaves_it_again(
    shared: SharedStream, traffic: Traffic
) -> None:
    with traffic.on_its_way():
        first = gateway(shared)
        until_shown(shared, 500)
        second = gateway(shared)
        until_shared(first, second)
        until_shown(shared, shown(shared) + 500)
        assert second.terminate() == 0
        until(lambda: len(first.partitions()) == 4, lambda: first.log, _WAIT_S)
        until_shown(shared, shown(shared) + 500)

    traffic.assert_exact()


def test_told_to_end_under_load_a_gateway_ends_in_order_and_another_goes_on(
    shared: SharedStream, traffic: Traffic
) -> None:
    with traffic.on_its_way():
        first = gateway(shared, **LASTING)
        until_shown(shared, 1_000)
        assert first.terminate() == 0
        until_none_is_open(shared, topics.GATEWAY_CHANGELOG)
        assert "Traceback" not in first.log
        gateway(shared)

    traffic.assert_exact()


def test_the_position_counts_partners_own_topics_too(
    shared: SharedStream, traffic: Traffic
) -> None:
    with traffic.on_its_way():
        gateway(shared)
        until_shown(shared, 500)

    due: dict[int, dict[str, int]] = {number: {} for number in range(4)}
    for placed in shared.placed:
        due[placed.record.partition][placed.topic.name] = placed.record.offset
    # The last records may change nothing that is shown.
    until(
        lambda: shared.gateways_applied() == due,
        lambda: f"{shared.gateways_applied()}, not {due}",
        _WAIT_S,
    )
