"""``sesame explain``: how a person's score comes about, characteristic by characteristic."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from pipeline import settings
from pipeline.cli.output import Json, print_json, print_table
from pipeline.cli.score import User, read_score, show_score
from pipeline.errors import SesameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.scoring.explain import Line

app = typer.Typer()


@app.command()
def explain(user: User, *, as_json: Json = False) -> None:
    """Show each characteristic of a person: its value, its attribute, its points, the best."""
    current = settings.load()
    record = read_score(current, user)
    lines = _explain(_read_row(current, user), record)
    if as_json:
        characteristics = [asdict(line) | {"factor": line.factor.name} for line in lines]
        print_json(record | {"characteristics": characteristics})
        return
    show_score(record)
    print_table(
        ("Characteristic", "Value", "Attribute", "Points", "Best", "Reason"),
        [
            (line.name, _value(line), line.attribute, line.points, line.max_points, line.reason)
            for line in lines
        ],
    )
    _show_reasons(record)


def _show_reasons(record: dict[str, Any]) -> None:
    from pipeline.scoring.explain import reasons_of  # noqa: PLC0415
    from pipeline.scoring.model import load_model  # noqa: PLC0415

    if record["reasons"]:
        reasons = reasons_of(record["reasons"], load_model(record["model"]))
        print_table(
            ("Reason", "What it says", "What would raise the score"),
            [(reason.code, reason.text, reason.advice) for reason in reasons],
        )


def _read_row(current: settings.Settings, user: str) -> "NDArray[Any]":
    from pipeline.cli.records import latest  # noqa: PLC0415 - help stays quick
    from pipeline.streaming import changelog  # noqa: PLC0415
    from pipeline.streaming.store import PartitionStore  # noqa: PLC0415
    from pipeline.topics import changelog_of  # noqa: PLC0415

    # All partitions are in one generation, but while a replay is switching them over.
    for generation in _generations(current):
        value = latest(current, changelog_of(generation), user, lambda key: changelog.ROW + key)
        if value is not None:
            break
    else:
        raise SesameError(f"no state of {user}: erased between two reads, or written elsewhere")
    store = PartitionStore()
    changelog.apply(store, [(changelog.ROW + user.encode(), value)])
    return store.gather([user]).rows


def _generations(current: settings.Settings) -> list[int]:
    """Those that hold the state of any partition, newest first."""
    from pipeline.cli.records import each_record  # noqa: PLC0415 - help stays quick
    from pipeline.streaming.generations import decode  # noqa: PLC0415
    from pipeline.topics import GENERATIONS  # noqa: PLC0415

    pointed = dict.fromkeys(range(current.partitions), 1)

    def take(record: "Any") -> None:
        pointed[record.partition] = decode(record.value) if record.value else 1

    each_record(current, GENERATIONS, take)
    return sorted(set(pointed.values()), reverse=True)


def _explain(row: "NDArray[Any]", record: dict[str, Any]) -> "list[Line]":
    from pipeline.factors.months import month_of_ms, month_of_s  # noqa: PLC0415
    from pipeline.scoring.explain import explain as lines_of  # noqa: PLC0415
    from pipeline.scoring.model import load_model  # noqa: PLC0415

    clocks = ("payments_newest_s", "consumption_newest_s", "obligations_newest_s")
    newest_s = max(int(row[clock][0]) for clock in clocks)
    as_of_month = max(month_of_ms(record["as_of"]), month_of_s(newest_s))
    return lines_of(row, as_of_month, load_model(record["model"]))


def _value(line: "Line") -> str:
    if line.value is None:
        return ""
    number = f"{line.value:,.0f}" if line.value.is_integer() else f"{line.value:,.3f}"
    return f"{number} {line.unit}".rstrip()
