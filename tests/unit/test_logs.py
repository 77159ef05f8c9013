import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from pipeline import logs
from pipeline.settings import Settings


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("aiokafka", "asyncio", "faust", "httpx", "kafka", "mode"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_both_kinds_of_loggers_give_the_same_json(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_format="json"))
    structlog.get_logger("ours").info("batch committed", records=3)
    logging.getLogger("theirs").warning("connection to %s lost", "broker")
    ours, theirs = lines(capsys)
    assert (ours["event"], ours["records"], ours["level"]) == ("batch committed", 3, "info")
    assert (theirs["event"], theirs["logger"]) == ("connection to broker lost", "theirs")
    assert ours.keys() >= {"timestamp", "logger", "level"} <= theirs.keys()


def test_the_level_holds_for_both_and_clients_are_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_format="json", log_level="INFO"))
    structlog.get_logger("ours").debug("not shown")
    logging.getLogger("theirs").debug("not shown")
    logging.getLogger("aiokafka.consumer").info("not shown")
    logging.getLogger("aiokafka.consumer").warning("shown")
    assert [line["event"] for line in lines(capsys)] == ["shown"]


def fail() -> None:
    password = "geheim"  # noqa: S105 - what must not be shown
    raise ValueError(f"a password of {len(password)} characters is too short")


def test_an_exception_is_told_with_its_traceback_but_no_variables(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure(Settings(log_format="json"))
    try:
        fail()
    except ValueError:
        logging.getLogger("theirs").exception("it broke")
    (line,) = lines(capsys)
    told = json.dumps(line["exception"])
    assert "6 characters is too short" in told
    assert "test_logs.py" in told
    assert "geheim" not in told


def test_the_console_has_one_plain_line_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_format="console"))
    structlog.get_logger("ours").info("batch committed", records=3)
    (line,) = capsys.readouterr().err.splitlines()
    assert "batch committed" in line
    assert "records=3" in line
    assert "\x1b" not in line


def test_in_a_program_of_others_lines_go_where_it_sends_its_own(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    logs.leave_to_the_program()
    structlog.get_logger("ours").warning("behind", records=3, error="100 %s")
    assert capsys.readouterr().out == ""
    (line,) = caplog.records
    assert line.getMessage() == "behind records=3 error='100 %s'"


def test_in_a_program_of_others_exceptions_keep_their_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logs.leave_to_the_program()
    try:
        fail()
    except ValueError:
        structlog.get_logger("ours").exception("it broke")
    (line,) = caplog.records
    assert (line.getMessage(), line.exc_info is not None) == ("it broke", True)


def test_what_the_program_has_configured_stays(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_format="json"))
    logs.leave_to_the_program()
    structlog.get_logger("ours").warning("behind", records=3)
    assert [line["records"] for line in lines(capsys)] == [3]
