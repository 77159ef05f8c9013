import io

import pytest
from rich.console import Console

from pipeline.dev.demo import progress as module
from pipeline.dev.demo.bands import COLOURS, band_of, shares
from pipeline.dev.demo.display import Display, progress_on, sparkline
from pipeline.dev.demo.pace import Pace
from pipeline.dev.demo.progress import Figures, Lines, Progress
from pipeline.scoring.bands import Band

FIGURES = Figures(
    planned=200, sent=150, applied=100, per_second=1234.5, lag=50, scored=7, bands={"GOOD": 7}
)


def console(file: io.StringIO, *, terminal: bool) -> Console:
    return Console(file=file, force_terminal=terminal, width=100)


def test_a_pipe_gets_plain_lines() -> None:
    assert isinstance(progress_on(io.StringIO()), Lines)


def test_lines_tell_steps_and_figures_without_control_codes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LINE_EVERY_S", 0.0)
    file = io.StringIO()
    play_on(Lines(console(file, terminal=False)))
    lines = file.getvalue().splitlines()
    assert [line.split("s  ", 1)[1] for line in lines[:1]] == ["Starting ..."]
    assert "Started (0." in lines[1]
    assert "100 of 150 sent events applied, 1,234/s, lag 50, 7 people scored" in lines[2]
    assert "\x1b" not in file.getvalue()


def test_lines_of_figures_come_now_and_then_only() -> None:
    file = io.StringIO()
    play_on(Lines(console(file, terminal=False)))
    assert len(file.getvalue().splitlines()) == 2


def test_the_display_shows_steps_bars_and_figures() -> None:
    file = io.StringIO()
    play_on(Display(console(file, terminal=True)))
    shown = file.getvalue()
    for text in ("Started", "applied", "1,234", "people scored", "good"):
        assert text in shown


def play_on(progress: Progress) -> None:
    with progress:
        progress.begin("Starting")
        progress.end("Started")
        progress.show(FIGURES)


@pytest.mark.parametrize(
    ("values", "drawn"), [([], ""), ([0.0], "▁"), ([-3.0, 7.0], "▁█"), ([1.0] * 9, "█" * 5)]
)
def test_a_sparkline_is_bounded_in_width_and_height(values: list[float], drawn: str) -> None:
    assert sparkline(values, 5) == drawn


@pytest.mark.parametrize("counts", [[0, 0], [1, 2], [5, 0], [1, 1, 1], [997, 1, 2]])
def test_shares_fill_the_width_or_nothing(counts: list[int]) -> None:
    cells = shares(counts, 50)
    assert sum(cells) == (50 if any(counts) else 0)
    assert all(
        abs(c - 50 * n / max(sum(counts), 1)) <= 1 for c, n in zip(cells, counts, strict=True)
    )


def test_every_band_has_a_colour_of_its_own() -> None:
    assert list(COLOURS) == list(Band)
    assert len(set(COLOURS.values())) == len(Band)


@pytest.mark.parametrize("band", list(Band))
def test_a_score_has_the_band_whose_bounds_it_is_in(band: Band) -> None:
    assert band_of(band.floor) is band_of(band.ceiling) is band


def test_the_pace_forgets_what_is_long_ago() -> None:
    pace = Pace(window_s=1.0)
    pace.add(0.0, 0)
    pace.add(1.0, 1_000_000)
    pace.add(2.0, 1_000_100)
    assert pace.add(3.0, 1_000_200) == pytest.approx(100.0)
