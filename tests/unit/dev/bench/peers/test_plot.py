from typing import Any
from xml.etree import ElementTree as ET

import pytest

from pipeline.dev.bench.peers.plot import svg

SVG = "{http://www.w3.org/2000/svg}"


def summary(system: str, lowest: float, rate: float, highest: float) -> dict[str, Any]:
    return {"system": system, "lowest": lowest, "events_per_second": rate, "highest": highest}


SUMMARIES = [
    summary("faust", 2_900.0, 3_000.0, 3_100.0),
    summary("sesame", 200_000.0, 240_000.0, 250_000.0),
    summary("kafka <streams>", 50_000.0, 60_000.0, 80_000.0),
]


def drawn(tag: str) -> list[ET.Element]:
    return list(ET.fromstring(svg(SUMMARIES)).iter(SVG + tag))  # noqa: S314 - our own words


def number(element: ET.Element, name: str) -> float:
    return float(element.attrib[name])


def test_bars_are_as_long_as_the_rates_and_the_quickest_is_at_the_top() -> None:
    bars = drawn("rect")
    widths = [number(bar, "width") for bar in bars]
    tops = [number(bar, "y") for bar in bars]
    assert tops == sorted(tops)
    assert widths[1] / widths[0] == pytest.approx(60 / 240, abs=0.001)
    assert widths[2] / widths[0] == pytest.approx(3 / 240, abs=0.001)


def test_a_line_spans_the_slowest_and_the_quickest_run() -> None:
    bar, line = drawn("rect")[0], drawn("line")[0]
    left, long = number(bar, "x"), number(bar, "width")
    assert number(line, "x1") - left == pytest.approx(long * 200 / 240, abs=0.2)
    assert number(line, "x2") - left == pytest.approx(long * 250 / 240, abs=0.2)


def test_names_and_rates_are_written_beside_their_bars() -> None:
    texts = [text.text for text in drawn("text")[1:]]
    assert texts == ["sesame", "240,000", "kafka <streams>", "60,000", "faust", "3,000"]


def test_ours_has_a_colour_of_its_own() -> None:
    ours, *others = (bar.attrib["fill"] for bar in drawn("rect"))
    assert len(set(others)) == 1
    assert ours not in others


def test_several_workers_of_ours_have_our_colour_and_their_own_bar() -> None:
    several = summary("sesame-16", 280_000.0, 300_000.0, 310_000.0)
    copies = summary("copy-16", 500_000.0, 500_000.0, 500_000.0)
    rects = ET.fromstring(svg([*SUMMARIES, several, copies])).iter(SVG + "rect")  # noqa: S314 - our own words
    copied, many, one, *others = (bar.attrib["fill"] for bar in rects)
    assert many == one != copied
    assert set(others) == {copied}
