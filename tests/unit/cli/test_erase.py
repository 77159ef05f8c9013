from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli.main import app

runner = CliRunner()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "USER is missing"),
        (["ann", "--json"], "add --yes"),
        (["--check", "none.json"], "cannot be read as JSON"),
    ],
)
def test_what_is_asked_wrongly_exits_2_before_any_broker_is_asked(
    arguments: list[str], complaint: str
) -> None:
    result = runner.invoke(app, ["erase", *arguments])
    assert result.exit_code == 2
    assert complaint in result.stderr


@pytest.mark.parametrize("content", ["[]", '{"receipt": {}}', "no JSON", '{"digest": 1}'])
def test_a_file_that_holds_no_receipt_exits_2(tmp_path: Path, content: str) -> None:
    file = tmp_path / "receipt.json"
    file.write_text(content)
    result = runner.invoke(app, ["erase", "--check", str(file)])
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr
