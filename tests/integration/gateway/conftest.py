from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.support.gateway import SharedStream


@pytest.fixture
def empty(kafka: str, topic_prefix: str, tmp_path: Path) -> Iterator[SharedStream]:
    """A stream of four partitions with two partners, without topics."""
    stream = SharedStream(kafka, topic_prefix, tmp_path, 4)
    yield stream
    stream.close()


@pytest.fixture
def shared(empty: SharedStream) -> SharedStream:
    """A stream of four partitions with two partners, without gateways."""
    return empty.create_topics()
