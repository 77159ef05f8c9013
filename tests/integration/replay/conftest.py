"""Streams with something to build anew, and the replay command on them."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from pipeline.scoring.model import Model, load_model
from tests.integration.replay.commands import Replays
from tests.integration.support.stream import Stream

PARTITIONS = 2


@pytest.fixture(scope="session")
def model() -> Model:
    return load_model("default@1")


@pytest.fixture
def replays(kafka: str, tmp_path: Path) -> Iterator[Replays]:
    """A stream with topics and no worker yet."""
    stream = Stream(kafka, f"test-{uuid4().hex[:10]}.", tmp_path, PARTITIONS).create_topics()
    yield Replays(stream, tmp_path)
    stream.close()
