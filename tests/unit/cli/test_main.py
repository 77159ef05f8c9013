import json
import subprocess
import sys
import textwrap

import pytest
from typer.testing import CliRunner

from pipeline.cli.main import COMMANDS, app

runner = CliRunner()


def test_help_lists_the_commands() -> None:
    result = runner.invoke(app, ["--help"])
    assert result.exit_code == 0
    assert "topics" in result.stdout
    assert COMMANDS["settings"] in result.stdout


def test_help_imports_no_client_and_no_command() -> None:
    code = """
        import sys
        from pipeline.cli.main import app
        app(["--help"], standalone_mode=False)
        heavy = {"kafka", "faust", "numpy", "pyarrow", "pydantic", "pipeline.cli.topics"}
        assert not heavy & set(sys.modules), heavy & set(sys.modules)
    """
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_an_unknown_command_exits_2_and_suggests_the_nearest() -> None:
    result = runner.invoke(app, ["setings"])
    assert result.exit_code == 2
    assert "settings" in result.stderr


def test_settings_are_listed_as_json_with_secrets_masked() -> None:
    env = {"SESAME_PARTITIONS": "5", "SESAME_PSEUDONYM_KEY": "k" * 40}
    result = runner.invoke(app, ["settings", "--json"], env=env)
    assert result.exit_code == 0
    assert "kkkk" not in result.stdout
    rows = {row["variable"]: row for row in json.loads(result.stdout)["settings"]}
    assert rows["SESAME_PARTITIONS"]["value"] == 5
    assert not rows["SESAME_PARTITIONS"]["is_default"]
    assert rows["SESAME_PSEUDONYM_KEY"]["value"] == "********"
    assert rows["SESAME_WEB_PORT"]["is_default"]


@pytest.mark.parametrize("command", [["settings"], ["topics", "plan"]])
def test_a_wrong_setting_exits_2_without_a_traceback(command: list[str]) -> None:
    result = runner.invoke(app, command, env={"SESAME_PARTITIONS": "none"})
    assert result.exit_code == 2
    assert result.stderr == ("SESAME_PARTITIONS is 'none', must be a whole number from 1 to 1024\n")


def test_a_misspelt_variable_is_complained_about() -> None:
    result = runner.invoke(app, ["settings"], env={"SESAME_PARTITION": "8"})
    assert "SESAME_PARTITION is set, but there is no such setting" in result.stderr


def test_a_broker_that_does_not_answer_exits_1_and_says_where_it_was_sought() -> None:
    env = {"SESAME_BOOTSTRAP": "127.0.0.1:1", "SESAME_REQUEST_TIMEOUT_S": "1"}
    result = runner.invoke(app, ["topics", "plan"], env=env)
    assert result.exit_code == 1
    assert "no Kafka answers at 127.0.0.1:1" in result.stderr
    assert "SESAME_BOOTSTRAP" in result.stderr


def test_a_worker_loads_no_client_that_only_administers_topics() -> None:
    loaded = (
        "import sys, pipeline.cli.worker, pipeline.streaming.factor_worker\n"
        "import pipeline.streaming.topic_check\n"
        "print(sorted({'kafka', 'pipeline.provision'} & sys.modules.keys()))"
    )
    shown = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "[]"
