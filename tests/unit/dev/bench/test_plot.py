import re
from xml.etree import ElementTree as ET

import pytest

from pipeline.dev.bench.plot import Axis, lines

SVG = "{http://www.w3.org/2000/svg}"


def circles(svg: str) -> list[tuple[float, float]]:
    root = ET.fromstring(svg)  # noqa: S314 - drawn by us
    return [(float(c.attrib["cx"]), float(c.attrib["cy"])) for c in root.iter(f"{SVG}circle")]


def test_points_lie_in_proportion() -> None:
    svg = lines("t", Axis("x"), Axis("y"), {"a": [(0, 0), (5, 50), (10, 100)]})
    (x0, y0), (x1, y1), (x2, y2) = circles(svg)
    assert x1 - x0 == pytest.approx(x2 - x1)
    assert y1 - y0 == pytest.approx(y2 - y1)
    assert x0 < x1
    assert y0 > y1


def test_decades_are_equally_far_apart_on_a_logarithmic_axis() -> None:
    svg = lines(
        "t", Axis("x", log=True), Axis("y", log=True), {"a": [(1, 10), (10, 100), (100, 1_000)]}
    )
    (x0, y0), (x1, y1), (x2, y2) = circles(svg)
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y1 - y0 == pytest.approx(y2 - y1, abs=0.2)
    assert x0 < x1
    assert y0 > y1


def test_every_series_is_named_and_ticks_are_short() -> None:
    series = {"ours <1>": [(1.0, 250_000.0)], "theirs": [(2.0, 80_000.0)]}
    svg = lines("Rates & more", Axis("workers"), Axis("events/s"), series)
    texts = [t.text for t in ET.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314 - drawn by us
    assert {"Rates & more", "ours <1>", "theirs", "workers", "events/s", "100k"} <= set(texts)


def test_nothing_leaves_the_picture() -> None:
    svg = lines("t", Axis("x"), Axis("y"), {"a": [(0.3, 7), (123, 9_999)]})
    width, height = map(float, re.findall(r'viewBox="0 0 (\d+) (\d+)"', svg)[0])
    assert all(0 <= x <= width and 0 <= y <= height for x, y in circles(svg))
