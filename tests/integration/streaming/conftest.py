from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from pipeline.scoring.model import Model, load_model
from tests.integration.support.stream import Stream

NewStream = Callable[[int], Stream]


@pytest.fixture(scope="session")
def model() -> Model:
    return load_model("default@1")


@pytest.fixture
def new_stream(kafka: str, topic_prefix: str, tmp_path: Path) -> Iterator[NewStream]:
    """Makes a stream with so many partitions and no topics yet."""
    made: list[Stream] = []

    def make(partitions: int) -> Stream:
        made.append(Stream(kafka, f"{topic_prefix}{len(made)}.", tmp_path, partitions))
        return made[-1]

    yield make
    for stream in made:
        stream.close()


@pytest.fixture
def stream(new_stream: NewStream) -> Stream:
    """A stream of four partitions, without workers."""
    return new_stream(4).create_topics()


@pytest.fixture(scope="session")
def running(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stream]:
    """A stream with a worker at work, for tests whose people have nothing to do with others'."""
    prefix = f"test-{uuid4().hex[:10]}."
    stream = Stream(kafka, prefix, tmp_path_factory.mktemp("running"), 4).create_topics()
    stream.worker().until_ready()
    yield stream
    stream.close()


@pytest.fixture
def person() -> Callable[[str], str]:
    """Makes a name that no other test uses."""
    return lambda name: f"{name}-{uuid4().hex[:8]}"
