"""Tables of the docs that come from the code: topics, records, settings, metrics, reasons.

`python -m pipeline.dev.docs` writes them between their markers; a test fails on drift.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from types import ModuleType

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.metrics import MetricWrapperBase

from pipeline import resources, settings, topics
from pipeline.codec.reasons import Reason
from pipeline.factors.characteristics import CHARACTERISTICS
from pipeline.gateway import metrics as gateway_metrics
from pipeline.partners.metrics import PartnerMetrics, Reading
from pipeline.partners.services.metrics import ServiceMetrics
from pipeline.scoring.model import load_model
from pipeline.streaming import lane_metrics, metrics, standby_metrics
from pipeline.training.card import card

DEFAULT_MODEL = settings.Settings.model_fields["model"].default

_MARKED = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def topic_table() -> str:
    """The topics, from their registry."""
    return _table(
        ("topic", "record", "key", "policy", "written by", "read by"),
        (
            (
                f"`{topic.name}`",
                topic.record or "-",
                f"`{topic.key}`",
                _policy(topic),
                ", ".join(sorted(topic.writers)),
                ", ".join(sorted(topic.readers)),
            )
            for topic in (*topics.ALL, *topics.for_partners(["<id>"]))
        ),
    )


def record_tables() -> str:
    """Every record's fields, from the schemas."""
    parts = []
    for path in sorted(resources.schemas_dir().glob("*.avsc")):
        schema = json.loads(path.read_text())
        version = path.name.split(".")[1]
        rows = [
            (f"`{field['name']}`", _type(field["type"]), field.get("doc", ""))
            for field in schema["fields"]
        ]
        parts.append(
            f"### {schema['name']} ({version})\n\n{schema.get('doc', '')}\n\n"
            + _table(("field", "type", ""), rows)
        )
    return "\n".join(parts)


def reason_table() -> str:
    """Why a record is a dead letter."""
    return _table(("reason",), ((f"`{reason}`",) for reason in Reason))


def setting_table() -> str:
    """The settings."""
    fields = settings.Settings.model_fields
    return _table(
        ("variable", "default", "allowed", "meaning"),
        (
            (
                f"`{settings.variable(name)}`",
                _default(name),
                settings.allowed(name),
                field.description or "",
            )
            for name, field in fields.items()
        ),
    )


def metric_table() -> str:
    """The metrics of a worker of the stream."""
    return _metrics(_families(lane_metrics, metrics, standby_metrics))


def gateway_metric_table() -> str:
    """The gateway's metrics, beside those of its lanes."""
    return _metrics(_families(gateway_metrics))


def partner_metric_table() -> str:
    """The metrics of a partner and its service."""
    registry = CollectorRegistry()
    PartnerMetrics("car-rental", registry, Reading)
    ServiceMetrics("car-rental", registry, ())
    return _metrics(registry.collect())


def characteristic_table() -> str:
    """What the score looks at."""
    return _table(
        ("factor", "characteristic", "unit", "meaning"),
        ((c.factor.name, f"`{c.name}`", c.unit, c.description) for c in CHARACTERISTICS),
    )


def model_card() -> str:
    """The default model's card, its headings a level down."""
    return re.sub(r"^#", "##", card(load_model(DEFAULT_MODEL)), flags=re.MULTILINE)


TABLES: dict[str, Callable[[], str]] = {
    "topics": topic_table,
    "records": record_tables,
    "reasons": reason_table,
    "settings": setting_table,
    "metrics": metric_table,
    "gateway_metrics": gateway_metric_table,
    "partner_metrics": partner_metric_table,
    "characteristics": characteristic_table,
    "card": model_card,
}


def refreshed(text: str) -> str:
    """A page with the tables between its markers made anew."""
    return _MARKED.sub(lambda m: f"{m[1]}{TABLES[m[2]]()}{m[3]}", text)


def main() -> None:
    """Write every page's tables."""
    for page in sorted(Path("docs").rglob("*.md")):
        before = page.read_text()
        after = refreshed(before)
        if after != before:
            page.write_text(after)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_line(columns), _line(["---"] * len(columns))]
    lines += [_line(row) for row in rows]
    return "\n".join(lines) + "\n"


def _families(*modules: ModuleType) -> Iterator[Metric]:
    """What modules' collectors expose; one that several modules name, once."""
    named = chain.from_iterable(vars(module).values() for module in modules)
    kinds = MetricWrapperBase | metrics.ScoreDistribution
    for collector in dict.fromkeys(each for each in named if isinstance(each, kinds)):
        yield from collector.collect()


def _metrics(families: Iterable[Metric]) -> str:
    rows = sorted(
        (f"`{_exposed(family)}`", family.type, family.documentation) for family in families
    )
    return _table(("metric", "type", "meaning"), rows)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _exposed(family: Metric) -> str:
    return family.name + "_total" if family.type == "counter" else family.name


def _policy(topic: topics.Topic) -> str:
    if topic.cleanup is topics.Cleanup.COMPACT:
        return "compact"
    if topic.retention_ms < 0:
        return "kept without end"
    return f"delete, {topic.retention_ms // topics.DAY_MS} d"


def _type(kind: object) -> str:
    if isinstance(kind, list):
        return " or ".join(_type(one) for one in kind)
    if isinstance(kind, dict):
        if "logicalType" in kind:
            return str(kind["logicalType"])
        if kind["type"] == "enum":
            return "enum " + ", ".join(kind["symbols"])
        if kind["type"] == "array":
            return "array of " + _type(kind["items"])
        if kind["type"] == "record":
            fields = ", ".join(f"`{f['name']}` {_type(f['type'])}" for f in kind["fields"])
            return f"{{{fields}}}"
    return str(kind)


def _default(name: str) -> str:
    field = settings.Settings.model_fields[name]
    if field.default_factory is not None:
        return f"in the user's {name.removesuffix('_dir')} folder"
    default = field.default
    return "-" if default is None or default == "" else f"`{default}`"


if __name__ == "__main__":
    main()
