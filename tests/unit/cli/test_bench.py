"""What `sesame bench` refuses, before it starts a Kafka."""

import pytest
from typer.testing import CliRunner

from pipeline.cli.main import app


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--partners", "--recovery"], "choose one"),
        (["--peers", "--latency", "--only", "sesame"], "choose one"),
        (["--only", "quix"], "--peers"),
        (["--scale", "--only", "sesame"], "--latency"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: list[str], why: str) -> None:
    result = CliRunner().invoke(app, ["bench", *options])
    assert result.exit_code == 2
    assert why in result.output


@pytest.mark.parametrize(
    ("kind", "offered"), [("--peers", "bytewax"), ("--latency", "kafka-streams-tuned")]
)
def test_an_unknown_name_is_refused_with_those_that_there_are(kind: str, offered: str) -> None:
    result = CliRunner().invoke(app, ["bench", kind, "--only", "storm"])
    assert result.exit_code == 2
    assert "storm" in result.output
    assert offered in result.output
