from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.dev.broker import EmbeddedBroker
from tests.integration.support.gateway import SharedStream

# The rounds in which the broker compacts and cuts off, every 15 s and 5 min by default.
QUICK = {"log.cleaner.backoff.ms": "200", "log.retention.check.interval.ms": "500"}


@pytest.fixture(scope="session")
def quick_broker() -> Iterator[str]:
    """A Kafka of its own that compacts at once what may be compacted."""
    with EmbeddedBroker(properties=QUICK) as broker:
        yield broker.bootstrap


@pytest.fixture
def shared(quick_broker: str, topic_prefix: str, tmp_path: Path) -> Iterator[SharedStream]:
    """A stream of two partitions with two partners, without workers and gateways."""
    stream = SharedStream(quick_broker, topic_prefix, tmp_path, 2)
    stream.create_topics()
    yield stream
    stream.close()
