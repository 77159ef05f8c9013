"""A partner service on a real Kafka: its decisions, its counts, its end."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from pipeline.partners.metrics import PartnerMetrics
from pipeline.partners.service import PartnerService
from tests.integration.partners.topics import NOW_MS, POLICY, Topics, consent, following, score

WAIT_S = 30
LABELS = {"partner": "car-rental", "purpose": "CAR_RENTAL_DEPOSIT"}


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_service_counts_its_latest_decisions_and_ends_when_idle(
    written: Topics, stop: threading.Event
) -> None:
    written.commit(
        *(consent(user) for user in ("ann", "ben", "cara", "dan")),
        score("ann", 600),
        score("ann", 700, sequence=2),
        score("ben", 649),
        score("cara", None),
        score("eve", 700),
        consent("dan", at_ms=NOW_MS + 1, action="WITHDRAW"),
        score("dan", 700),
    )
    collectors = CollectorRegistry()

    with following(written) as follower:
        service = PartnerService(POLICY, follower, PartnerMetrics(POLICY, collectors), {})
        service.run(stop, until_idle_s=1)
        summary = service.summary()

    assert summary.ready
    assert summary.decisions == {"DEPOSIT_WAIVED": 1, "DEPOSIT_REQUIRED": 2}
    assert summary.admitted == {"YES": 1, "NO": 1, "NOT_AVAILABLE": 1}
    assert collectors.get_sample_value("sesame_partner_subjects", LABELS) == 3
    assert collectors.get_sample_value("sesame_partner_ready", LABELS) == 1
    passed = LABELS | {"topic": "scores", "result": "not_granted"}
    assert collectors.get_sample_value("sesame_partner_records_total", passed) == 2


def test_the_withdrawn_and_strangers_get_the_same_answer(
    written: Topics, stop: threading.Event
) -> None:
    written.commit(
        consent("ann"),
        score("ann", 700),
        consent("ann", at_ms=NOW_MS + 1, action="WITHDRAW"),
        consent("ben"),
        score("ben", None),
    )

    with following(written) as follower:
        metrics = PartnerMetrics(POLICY, CollectorRegistry())
        service = PartnerService(POLICY, follower, metrics, {})
        service.run(stop, until_idle_s=0.5)

    answers = {service.decision(user) for user in ("ann", "ben", "stranger")}
    assert [answer.outcome for answer in answers] == ["DEPOSIT_REQUIRED"]


def test_a_running_service_decides_anew_when_something_changes(written: Topics) -> None:
    written.commit(score("ann", 700), consent("ben"), score("ben", 640))
    collectors = CollectorRegistry()

    with following(written) as follower:
        service = PartnerService(POLICY, follower, PartnerMetrics(POLICY, collectors), {})

        def until_decisions_are(waived: int, required: int) -> None:
            wanted = {"DEPOSIT_WAIVED": waived, "DEPOSIT_REQUIRED": required}
            until(lambda: service.summary().decisions == wanted, service.step)

        until_decisions_are(waived=0, required=1)
        written.commit(consent("ann"))
        until_decisions_are(waived=1, required=1)
        written.commit(score("ben", 650, sequence=2))
        until_decisions_are(waived=2, required=0)
        written.commit(consent("ann", at_ms=NOW_MS + 1, action="WITHDRAW"))
        until_decisions_are(waived=1, required=0)

    made = [
        collectors.get_sample_value(
            "sesame_partner_decisions_total", LABELS | {"outcome": outcome, "admitted": admitted}
        )
        for outcome, admitted in (
            ("DEPOSIT_WAIVED", "YES"),
            ("DEPOSIT_REQUIRED", "NO"),
            ("DEPOSIT_REQUIRED", "NOT_AVAILABLE"),
        )
    ]
    assert made == [2, 1, None]


def test_the_command_prints_its_decisions_when_idle_and_when_told_to_end(written: Topics) -> None:
    written.commit(consent("ann"), score("ann", 700), consent("ben"))

    with command(written, "--until-idle", "1") as idle:
        assert idle.wait(WAIT_S) == 0
        decided = printed(idle)
    with command(written) as running:
        assert running.stderr is not None
        assert any("partner ready" in line for line in running.stderr)
        running.send_signal(signal.SIGTERM)
        assert running.wait(WAIT_S) == 0
        ended = printed(running)

    assert decided["decisions"] == {"DEPOSIT_WAIVED": 1, "DEPOSIT_REQUIRED": 1}
    assert (decided["partner"], decided["ready"], decided["subjects"]) == ("car-rental", True, 2)
    assert ended == decided


def until(holds: Callable[[], bool], step: Callable[[], None]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, f"not so after {WAIT_S} s"
        step()


def command(written: Topics, *options: str) -> "subprocess.Popen[str]":
    environment = {"SESAME_BOOTSTRAP": written.bootstrap, "SESAME_TOPIC_PREFIX": written.prefix}
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "pipeline.cli.main", "partner", "car-rental", "--json", *options],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def printed(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout is not None
    result: dict[str, Any] = json.loads(process.stdout.read())
    return result
