from collections.abc import Callable, Iterator
from pathlib import Path

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
