import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pipeline.cli.main import app
from tests.integration.support.stream import Stream
from tests.integration.support.worker import PATIENT

Run = Callable[..., Result]
RunJson = Callable[..., dict[str, Any]]


@pytest.fixture
def stream(kafka: str, topic_prefix: str, tmp_path: Path) -> Iterator[Stream]:
    """Topics of three partitions, without workers."""
    stream = Stream(kafka, topic_prefix, tmp_path, 3).create_topics()
    yield stream
    stream.close()


@pytest.fixture
def run(stream: Stream) -> Run:
    """Run ``sesame dlq`` with arguments."""

    def invoke(*arguments: str, **variables: str) -> Result:
        env = {**stream.variables, **PATIENT, **variables}
        return CliRunner().invoke(app, ["dlq", *arguments], env=env)

    return invoke


@pytest.fixture
def told(run: Run) -> RunJson:
    """What a command that succeeds prints as JSON."""

    def invoke(*arguments: str, **variables: str) -> dict[str, Any]:
        result = run(*arguments, "--json", **variables)
        assert result.exit_code == 0, result.output
        answer: dict[str, Any] = json.loads(result.stdout)
        return answer

    return invoke
