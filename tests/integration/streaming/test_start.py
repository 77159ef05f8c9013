"""What a worker tells when it starts: refusals, health, metrics."""

import json
import re
import socket
from pathlib import Path

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from prometheus_client.parser import text_string_to_metric_families

from pipeline import topics
from pipeline.topics import Role
from tests.integration.streaming.conftest import NewStream
from tests.integration.support.stream import Stream
from tests.integration.support.worker import WorkerProcess

DOCS = Path(__file__).parents[3] / "docs" / "operations.md"
REFUSED = 2


def test_missing_topics_are_refused_with_the_command_that_makes_them(new_stream: NewStream) -> None:
    stream = new_stream(4)
    worker = stream.worker()

    assert worker.exit_status() == REFUSED
    for topic in topics.ALL:
        is_its_own = Role.PIPELINE in topic.readers | topic.writers
        assert (f"{stream.prefix}{topic.name} is missing" in worker.log) == is_its_own
    assert "sesame topics apply" in worker.log
    assert "Traceback" not in worker.log


def test_topics_that_are_not_copartitioned_are_refused(new_stream: NewStream) -> None:
    stream = new_stream(4)
    admin = AdminClient({"bootstrap.servers": stream.bootstrap, "log_level": 0})
    made = admin.create_topics([NewTopic(f"{stream.prefix}payments", 3, 1)])
    made[f"{stream.prefix}payments"].result()
    worker = stream.worker()

    assert worker.exit_status() == REFUSED
    assert f"{stream.prefix}payments has 3 partitions, not 4" in worker.log
    assert "Traceback" not in worker.log


def test_a_partition_count_other_than_the_topics_is_refused(stream: Stream) -> None:
    worker = stream.worker(SESAME_PARTITIONS="8")

    assert worker.exit_status() == REFUSED
    assert f"{stream.prefix}consents has 4 partitions, not 8" in worker.log


def test_a_port_in_use_is_told_with_the_setting_that_chooses_it(stream: Stream) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        worker = stream.worker(SESAME_WEB_PORT=port)

        assert worker.exit_status() == 1
    assert port in worker.log
    assert "SESAME_WEB_PORT" in worker.log
    assert "Traceback" not in worker.log


def test_a_worker_is_live_before_it_is_ready(stream: Stream) -> None:
    worker = stream.worker()
    not_ready = until_listening(worker)

    status, body = not_ready
    assert status == 503
    assert json.loads(body)["status"] == 503
    assert worker.get("/health/live")[0] == 200
    worker.until_ready()
    assert worker.get("/health/live")[0] == 200
    assert worker.terminate() == 0
    assert worker.get("/health/live")[0] == 0


def until_listening(worker: WorkerProcess) -> tuple[int, str]:
    """The first answer about readiness."""
    while True:
        status, body = worker.get("/health/ready")
        if status:
            return status, body
        assert worker.is_running, worker.log


def test_the_metrics_are_those_of_the_operations_page(running: Stream) -> None:
    told = running.workers[0].get("/metrics")[1]
    families = {
        f"{family.name}_total" if family.type == "counter" else family.name: family.type
        for family in text_string_to_metric_families(told)
        if family.name.startswith("sesame_") and not family.name.endswith("_created")
    }
    _, _, after = DOCS.read_text().partition("<!-- generated: metrics -->")
    table, _, _ = after.partition("<!-- end -->")
    documented = dict(re.findall(r"^\| `(sesame_\w+)` \| (\w+) \|", table, re.MULTILINE))
    assert families == documented
    assert len(documented) > 10
