"""At most once each: whoever dies half-way, comes twice or comes beside somebody else."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline import topics
from tests.integration.deadletters.conftest import RunJson
from tests.integration.deadletters.halting import BEFORE_IT_FENCES, POINTS
from tests.integration.deadletters.letters import Command, Post, payment, post, read
from tests.integration.support.events import fields_of
from tests.integration.support.stream import Stream, partition_of

USERS = 60
Start = Callable[..., Command]
Halt = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(stream: Stream, tmp_path: Path) -> Iterator[Start]:
    """Starts ``sesame dlq redrive`` for everything, as a process."""
    started: list[Command] = []

    def begin() -> Command:
        log = tmp_path / f"redrive-{len(started)}.log"
        started.append(Command(stream.variables, log, "redrive", "--all", "--json"))
        return started[-1]

    yield begin
    for command in started:
        command.kill()


@pytest.fixture
def halt(stream: Stream) -> Iterator[Halt]:
    """Starts a redrive that stands still at a point of its first transaction."""
    started: list[subprocess.Popen[str]] = []

    def begin(point: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "tests.integration.deadletters.halting", point]
        process = subprocess.Popen(  # noqa: S603 - our own
            [*command, "redrive", "--all"],
            env={**os.environ, **stream.variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "halted\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def posted(stream: Stream, each: int) -> set[str]:
    """So many letters of each of many people; their records' event ids."""
    made = {f"{at}-{n}": f"user-{at}" for at in range(USERS) for n in range(each)}
    post(stream, [Post(user, value=payment(user, event_id=e)) for e, user in made.items()])
    return set(made)


def assert_each_sent_once(stream: Stream, events: set[str]) -> None:
    records = read(stream, topics.PAYMENTS, len(events))
    sent = Counter(fields_of("Payment", r.value or b"")["event_id"] for r in records)
    assert sent == Counter(events)
    assert all(r.partition == partition_of((r.key or b"").decode(), 3) for r in records)
    marked = Counter(r.key for r in read(stream, topics.DEAD_LETTER_REDRIVES, len(events)))
    assert set(marked.values()) == {1}


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_of_a_transaction_it_is_run_again_and_sends_each_once(
    stream: Stream, halt: Halt, told: RunJson, point: str
) -> None:
    events = posted(stream, each=3)
    halt(point).kill()

    answer = told("redrive", "--all")

    assert answer["rulings"] == {"REDRIVE": len(events)}
    assert_each_sent_once(stream, events)


@pytest.mark.parametrize("point", POINTS)
def test_one_that_was_overtaken_while_it_stood_still_sends_nothing_when_it_goes_on(
    stream: Stream, halt: Halt, told: RunJson, point: str
) -> None:
    events = posted(stream, each=3)
    overtaken = halt(point)

    answer = told("redrive", "--all")
    said, _ = overtaken.communicate("go on\n", timeout=240)

    assert answer["rulings"] == {"REDRIVE": len(events)}
    assert overtaken.returncode == 1
    assert "taken over by another redrive" in said.replace("\n", " ")
    assert_each_sent_once(stream, events)


def test_one_that_comes_first_and_begins_last_sees_what_was_done_between(
    stream: Stream, halt: Halt, told: RunJson
) -> None:
    events = posted(stream, each=1)
    slow = halt(BEFORE_IT_FENCES)

    told("redrive", "--all")
    said, _ = slow.communicate("go on\n", timeout=240)

    assert slow.returncode == 0, said
    assert f"0 of {len(events)} redriven" in said
    assert_each_sent_once(stream, events)


def test_settings_of_ones_own_do_not_let_two_work_beside_each_other(
    stream: Stream, halt: Halt, told: RunJson
) -> None:
    events = posted(stream, each=1)
    overtaken = halt("before the commit")

    told("redrive", "--all", SESAME_APP_ID="somebody-else")
    overtaken.communicate("go on\n", timeout=240)

    assert overtaken.returncode == 1
    assert_each_sent_once(stream, events)


@pytest.mark.slow
def test_killed_again_and_again_it_sends_each_once(stream: Stream, start: Start) -> None:
    events = posted(stream, each=100)
    kills = 0
    while True:
        marked = len(stream.read(topics.DEAD_LETTER_REDRIVES))
        command = start()
        # Looked at without a pause: it is to be killed before it is done.
        while command.is_running and len(stream.read(topics.DEAD_LETTER_REDRIVES)) == marked:
            pass
        if kills == 3 or not command.is_running:
            break
        command.kill()
        kills += 1
    assert command.status() == 0, command.log.read_text()
    assert kills >= 2
    assert_each_sent_once(stream, events)


@pytest.mark.slow
def test_two_at_once_send_each_once(stream: Stream, start: Start, told: RunJson) -> None:
    events = posted(stream, each=60)

    both = [start(), start()]
    statuses = [command.status() for command in both]
    told("redrive", "--all")

    assert set(statuses) <= {0, 1}
    assert_each_sent_once(stream, events)
