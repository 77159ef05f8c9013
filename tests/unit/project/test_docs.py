"""Tables in the docs say what the code says."""

from pathlib import Path

import pytest

from pipeline.dev.docs import refreshed

PAGES = sorted((Path(__file__).parents[3] / "docs").rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_generated_tables_are_up_to_date(page: Path) -> None:
    text = page.read_text()

    assert refreshed(text) == text, "run `python -m pipeline.dev.docs`"
