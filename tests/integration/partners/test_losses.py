"""What a partner loses when its program is killed or its broker is away: nothing."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.dev.broker import EmbeddedBroker
from pipeline.partners.follower import Phase
from pipeline.partners.records import OutcomeReport
from pipeline.partners.vocabulary import Admitted, ContractKind, ContractStatus
from tests.integration.partners.topics import WAIT_S, PartnerTopics, Record, ended, score, until

PROGRAM = Path(__file__).with_name("program.py")
KILLS = 3
REPORTS_LEAST = 20
NOW_MS = 1_790_000_000_000


def killed(
    topics: PartnerTopics, run: int, batches: list[list[Record]], chance: random.Random
) -> list[str]:
    """Run a partner's program, kill -9 it amid records, and give the event ids it was told."""
    command = [sys.executable, str(PROGRAM), topics.bootstrap, topics.prefix, str(topics.store)]
    with subprocess.Popen([*command, str(run)], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        time.sleep(chance.uniform(0, 1.5))
        for batch in batches:
            topics.commit(*batch)
        # However slow it is, it is amid its reports.
        said = "".join(process.stdout.readline() for _ in range(REPORTS_LEAST))
        process.kill()
        said += process.stdout.read()
    # The last line may be cut off in the middle.
    return [line.strip() for line in said.splitlines(keepends=True) if line.endswith("\n")]


def history(rounds: int) -> Iterator[list[Record]]:
    """Scores of 40 subjects, some of whom withdraw and come back."""
    chance = random.Random(7)
    sequences = dict.fromkeys(range(40), 0)
    for _ in range(rounds):
        batch = []
        for subject in chance.sample(range(40), 25):
            if sequences[subject] and chance.random() < 0.2:
                sequences[subject] = 0
                batch.append(ended(f"subject-{subject}"))
            else:
                sequences[subject] += 1
                batch.append(score(f"subject-{subject}", sequences[subject]))
        yield batch


@pytest.mark.slow
def test_a_partner_that_is_killed_again_and_again_loses_no_report_and_no_record(
    topics: PartnerTopics,
) -> None:
    chance = random.Random(3)
    batches = list(history(8 * KILLS))
    reported: list[str] = []
    for run in range(KILLS):
        reported += killed(topics, run, batches[8 * run : 8 * (run + 1)], chance)

    with topics.client() as client:
        client.wait_ready(WAIT_S)
        client.flush(WAIT_S)
        seen = {found.subject: found for found in client.everyone()}

    latest = {subject: value for batch in batches for subject, value in batch}
    shown = {subject: value for subject, value in latest.items() if value is not None}
    assert {subject: score(subject, s.sequence)[1] for subject, s in seen.items()} == shown
    arrived = topics.written("outcomes")
    by_id = {outcome["event_id"]: outcome for outcome in arrived}
    assert len(reported) >= KILLS * REPORTS_LEAST
    assert set(reported) <= set(by_id)
    contracts = {outcome["contract_id"] for outcome in arrived}
    assert len(contracts) == len(by_id), "what was sent twice was sent under one event id"


@pytest.fixture
def lone() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as broker:
        yield broker


def report(number: int) -> OutcomeReport:
    return OutcomeReport(
        f"rental-{number}", "ann", ContractKind.RENTAL, ContractStatus.OPENED, NOW_MS
    )


@pytest.mark.slow
def test_while_the_broker_is_away_the_view_answers_and_reports_wait(
    lone: EmbeddedBroker, tmp_path: Path
) -> None:
    topics = PartnerTopics(lone.bootstrap, "away.", tmp_path)
    topics.create()
    topics.commit(score("ann"), score("ben"))
    with topics.client() as client:
        client.wait_ready(WAIT_S)
        lone.kill()
        ids = [client.report(report(number)) for number in range(20)]
        until(lambda: client.state.phase is Phase.AWAY)
        assert client.state.problem
        assert client.ready, "what was seen stays good for an hour"
        assert client.decide("ann").admitted is Admitted.YES
        assert client.outcomes_waiting == 20

        lone.start()
        until(lambda: client.state.phase is Phase.FOLLOWING)
        topics.commit(ended("ben"))
        until(lambda: client.decide("ben").admitted is Admitted.NOT_AVAILABLE)
        client.flush(WAIT_S)
        assert client.decide("ann").admitted is Admitted.YES

    assert {outcome["event_id"] for outcome in topics.written("outcomes")} == set(ids)
