import pytest
from typer.testing import CliRunner

from pipeline.cli.main import app


@pytest.mark.parametrize("command", ["disclosures", "score", "explain"])
def test_nobody_is_no_person_to_ask_about(command: str) -> None:
    refused = CliRunner().invoke(app, [command, ""])

    assert refused.exit_code == 2
    assert "USER must have at least 1 character" in refused.stderr
