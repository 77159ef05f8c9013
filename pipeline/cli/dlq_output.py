"""How ``sesame dlq`` tells what it found and did; nothing in a record steers the terminal."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from pipeline.cli.output import print_json, print_table

if TYPE_CHECKING:
    from pipeline.deadletters.redrive import Tally, Told
    from pipeline.deadletters.survey import Survey

_LABEL_WIDTH = 10


def show_survey(found: "Survey", letters: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Counts by topic and reason, then letter by letter."""
    if as_json:
        counts = [
            {"topic": topic, "reason": reason, "letters": n}
            for (topic, reason), n in found.counts.most_common()
        ]
        totals = {"reasons": _totals(found, 1), "topics": _totals(found, 0)}
        print_json({"total": found.total, **totals, "counts": counts, "letters": letters})
        return
    if not found.total:
        typer.echo("no dead letters")
        return
    rows = [(_clean(topic), _clean(reason), n) for (topic, reason), n in found.counts.most_common()]
    print_table(("Topic", "Reason", "Letters"), rows, f"{found.total} dead letters")
    for letter in letters:
        _show_letter(letter)


def show_tally(tally: "Tally", *, sent: bool, as_json: bool) -> None:
    """What became of the chosen letters."""
    chosen = tally.rulings.total()
    if as_json:
        print_json(
            {
                "dry_run": not sent,
                "chosen": chosen,
                "redriven": tally.redriven,
                "rulings": {str(ruling): n for ruling, n in tally.rulings.most_common()},
                "letters": [_told(each) for each in tally.told],
                "stopped": tally.stopped,
            }
        )
        return
    if not chosen:
        typer.echo("no such dead letters")
        return
    verb = "redriven" if sent else "would be redriven"
    rows = [_row(each) for each in tally.told]
    title = f"{tally.redriven} of {chosen} {verb}"
    print_table(("Letter", "Of", "Ruling", "Why, or where it is now"), rows, title)
    if chosen > len(rows):
        typer.echo(f"and {chosen - len(rows)} more")
    print_table(("Ruling", "Letters"), tally.rulings.most_common())


def _totals(found: "Survey", column: int) -> dict[str, int]:
    totals: dict[str, int] = {}
    for entry, n in found.counts.most_common():
        totals[entry[column]] = totals.get(entry[column], 0) + n
    return totals


def _show_letter(letter: Mapping[str, Any]) -> None:
    where = f"{letter['topic']}/{letter['partition']}@{letter['offset']}"
    head = f"{letter['letter']}  {letter['failed_at']}  {letter['reason']}  {where}"
    typer.secho(_clean(head), bold=True)
    _line("error", letter["error"])
    _line("key", "none" if letter["key"] is None else letter["key"])
    _line("value", _value(letter))
    for name, value in letter["headers"]:
        if not name.startswith(("dlq.", "redrive.")):
            _line("header", f"{name}: {value}")
    if letter["came_back"]:
        came = letter["came_back"]
        chain = " → ".join([*came["chain"], letter["letter"]])
        _line("came back", f"{chain}, redriven {came['count']} times, last at {came['at']}")
    if letter["redriven"]:
        mark = letter["redriven"]
        as_fixed = ", fixed" if mark["fixed"] else ""
        to = f"{mark['topic']}/{mark['partition']}@{mark['offset']}"
        _line("redriven", f"at {mark['at']} as {to}{as_fixed}")


def _value(letter: Mapping[str, Any]) -> str:
    from json import dumps  # noqa: PLC0415 - help stays quick

    size = f"{letter['value_bytes']} bytes"
    if not letter["kept"]:
        return "not kept"
    if letter["value"] is not None:
        return f"{size}, schema {letter['schema_id']}: {dumps(letter['value'], ensure_ascii=False)}"
    if letter["preview"] is None:
        return "none"
    if letter["decode_error"] is not None:
        return f"{size}, not decoded: {letter['decode_error']}"
    return f"{size}, does not decode: {letter['preview']}"


def _told(each: "Told") -> dict[str, Any]:
    letter, mark = each.letter, each.mark
    place = {"topic": letter.topic, "partition": letter.partition, "offset": letter.offset}
    sent = (
        {"topic": mark.topic, "partition": mark.partition, "offset": mark.offset} if mark else None
    )
    return {
        "letter": str(letter.place),
        **place,
        "reason": letter.reason,
        "ruling": str(each.verdict.ruling),
        "why": each.verdict.why,
        "sent": sent,
    }


def _row(each: "Told") -> tuple[str, str, str, str]:
    letter, mark = each.letter, each.mark
    where = f"{mark.topic}/{mark.partition}@{mark.offset}" if mark else each.verdict.why
    return (
        str(letter.place),
        _clean(f"{letter.topic}/{letter.partition}@{letter.offset} {letter.reason}"),
        str(each.verdict.ruling),
        _clean(where),
    )


def _line(label: str, text: str) -> None:
    typer.echo(f"    {label:<{_LABEL_WIDTH}} {_clean(text)}")


def _clean(text: str) -> str:
    from pipeline.deadletters.shown import printable  # noqa: PLC0415 - help stays quick

    return printable(text)
