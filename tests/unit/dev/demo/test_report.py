import io
from collections import Counter
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from pipeline.dev.demo.portraits import FactorLine, Portrait
from pipeline.dev.demo.report import WIDTH_MAX, print_report
from pipeline.dev.demo.result import Result
from pipeline.dev.demo.run import Outcome, Running

PORTRAIT = Portrait(
    title="The middle of all",
    user_id="person-7",
    score=612,
    band="GOOD",
    probability_of_default=0.043,
    base=350,
    factors=(
        FactorLine("CREDIT_HISTORY", 251, 0, 280, consented=True),
        FactorLine("SOCIAL", 11, 0, 40, consented=False),
    ),
    why=("Some bills were paid late.",),
    advice=("Pay bills by their due date.",),
)
THIN = replace(PORTRAIT, score=None, band=None, probability_of_default=None, why=("No bill yet.",))


def printed(result: Result, running: Running | None = None, width: int = 160) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, color_system=None)
    print_report(Outcome(result, [PORTRAIT, THIN], running), console)
    return file.getvalue()


def test_it_tells_the_figures(result: Result) -> None:
    shown = printed(result)
    for text in ("100 events of 5 people over 12 months in 4.0 s: 25 events/s", "600-649"):
        assert text in shown


def test_it_explains_people_in_words(result: Result) -> None:
    shown = printed(result)
    for text in (
        "The middle of all: person-7, 612 good, 4.3% probability of default",
        "Some bills were paid late.",
        "Pay bills by their due date.",
        "not shared",
        "person-7, no score yet",
    ):
        assert text in shown


def test_it_is_plain_and_bounded_in_width(result: Result) -> None:
    shown = printed(result)
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) <= WIDTH_MAX
    assert max(map(len, printed(result, width=80).splitlines())) <= 80


def test_dead_letters_stand_beside_what_was_sent_on_purpose(result: Result) -> None:
    lost = replace(result, dead_letters=Counter(DECODE=2, INVALID=1))
    decode = next(line for line in printed(lost).splitlines() if "DECODE" in line)
    assert decode.split() == ["DECODE", "3", "2", "✗"]
    assert "✗" not in printed(result)


def test_a_kept_demo_tells_where_it_runs(result: Result) -> None:
    running = Running(
        environment={"SESAME_BOOTSTRAP": "127.0.0.1:4711"},
        worker_url="http://127.0.0.1:6066",
        gateway_url="http://127.0.0.1:6067",
        partner_urls={"microloan": "http://127.0.0.1:4712"},
        logs=Path("/tmp/somewhere"),  # noqa: S108 - only shown
    )
    shown = printed(result, running)
    for text in (
        "export SESAME_BOOTSTRAP=127.0.0.1:4711",
        "http://127.0.0.1:6066/metrics",
        "http://127.0.0.1:4712/metrics",
        "sesame explain person-7",
    ):
        assert text in shown
    assert "4711" not in printed(result)
