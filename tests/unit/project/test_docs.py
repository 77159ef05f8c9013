"""Tables in the docs say what the code says."""

from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

from pipeline.dev.docs import metric_table, refreshed
from pipeline.streaming import lane_metrics, metrics, standby_metrics

PAGES = sorted((Path(__file__).parents[3] / "docs").rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_generated_tables_are_up_to_date(page: Path) -> None:
    text = page.read_text()

    assert refreshed(text) == text, "run `python -m pipeline.dev.docs`"


def test_every_metric_of_a_worker_is_listed_once() -> None:
    modules = (lane_metrics, metrics, standby_metrics)
    named = [each for module in modules for each in vars(module).values()]
    collectors = {each for each in named if isinstance(each, MetricWrapperBase)}
    families = [family for each in collectors for family in each.collect()]
    listed = metric_table()

    for family in families:
        suffix = "_total" if family.type == "counter" else ""
        assert listed.count(f"| `{family.name}{suffix}` |") == 1, family.name
