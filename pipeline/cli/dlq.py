"""``sesame dlq``: what could not be used, why, and back to where it came from."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline import settings
from pipeline.cli.dlq_output import show_survey, show_tally
from pipeline.cli.output import Json, complain
from pipeline.codec.reasons import Reason
from pipeline.deadletters.choice import Choice
from pipeline.deadletters.letter import Place
from pipeline.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.codec.registry import SchemaRegistry
    from pipeline.deadletters.policy import Outgoing
    from pipeline.deadletters.redrive import Order, Tally

LIMIT_MAX = 10_000
FIXED_BYTES_MAX = 4 * 1024 * 1024

app = typer.Typer(help="List or redrive dead letters.", no_args_is_help=True)


def _place(text: str) -> Place:
    try:
        return Place.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text} is no time such as 2026-11-02T10:15:00") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Letters = Annotated[
    list[Place] | None,
    typer.Option(
        "--letter",
        parser=_place,
        metavar="PARTITION@OFFSET",
        help="Only this dead letter; may be given several times.",
    ),
]
Records = Annotated[
    list[Place] | None,
    typer.Option(
        "--record",
        parser=_place,
        metavar="PARTITION@OFFSET",
        help="Only of the record that lay there in its topic; may be given several times.",
    ),
]
Topics = Annotated[
    list[str] | None,
    typer.Option("--topic", help="Only records of this topic; may be given several times."),
]
Reasons = Annotated[
    list[Reason] | None,
    typer.Option("--reason", help="Only for this reason; may be given several times."),
]
Partition = Annotated[
    int | None, typer.Option(min=0, help="Only this partition of the dead letters.")
]
FromOffset = Annotated[
    int | None, typer.Option(min=0, help="Only from this offset of the dead letters on.")
]
ToOffset = Annotated[
    int | None, typer.Option(min=0, help="Only up to this offset of the dead letters.")
]
Since = Annotated[
    datetime | None,
    typer.Option(parser=_moment, metavar="TIME", help="Only refused then or later (UTC)."),
]
Until = Annotated[
    datetime | None,
    typer.Option(parser=_moment, metavar="TIME", help="Only refused before (UTC)."),
]
Key = Annotated[str | None, typer.Option("--key", "--user", help="Only records with this key.")]
Error = Annotated[str | None, typer.Option("--error", help="Only with this text in the error.")]


@app.callback()
def root() -> None:
    """List dead letters, or send them back to the topics they came from."""


@app.command("list")
def list_letters(
    *,
    letter: Letters = None,
    record: Records = None,
    topic: Topics = None,
    reason: Reasons = None,
    partition: Partition = None,
    from_offset: FromOffset = None,
    to_offset: ToOffset = None,
    since: Since = None,
    until: Until = None,
    key: Key = None,
    error: Error = None,
    redriven: Annotated[
        bool | None,
        typer.Option("--redriven/--not-redriven", help="Only those that were redriven, or not."),
    ] = None,
    count: Annotated[bool, typer.Option("--count", help="Count only, and show none.")] = False,
    limit: Annotated[int, typer.Option(min=0, max=LIMIT_MAX, help="Show this many.")] = 20,
    oldest: Annotated[bool, typer.Option("--oldest/--newest", help="Which come first.")] = False,
    as_json: Json = False,
) -> None:
    """Count dead letters by topic and reason, and show the newest."""
    from pipeline.codec.open import open_registry  # noqa: PLC0415 - help stays quick
    from pipeline.deadletters.shown import Shower  # noqa: PLC0415
    from pipeline.deadletters.survey import survey  # noqa: PLC0415

    current = settings.load()
    choice = _choice(
        current,
        (letter, record, topic, reason),
        (partition, from_offset, to_offset),
        (since, until),
        (key, error),
    )
    shown = 0 if count else limit
    found = survey(current, choice, shown, newest=not oldest, redriven=redriven)
    shower = Shower(open_registry(current))
    letters = [shower.show(each, found.marks.get(each.place)) for each in found.letters]
    show_survey(found, letters, as_json=as_json)


@app.command()
def redrive(
    *,
    letter: Letters = None,
    record: Records = None,
    topic: Topics = None,
    reason: Reasons = None,
    partition: Partition = None,
    from_offset: FromOffset = None,
    to_offset: ToOffset = None,
    since: Since = None,
    until: Until = None,
    key: Key = None,
    error: Error = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All there are, when no filter is given.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Send at most this many, the oldest of a partition.")
    ] = None,
    fixed: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            readable=True,
            help="A JSON file with the record to send in place of the letter's; with --letter.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Send also what is likely to come back.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done; send nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Send dead letters back to the topics they came from; each goes back at most once."""
    from pipeline.codec.open import open_registry  # noqa: PLC0415 - help stays quick
    from pipeline.deadletters.redrive import Order  # noqa: PLC0415

    current = settings.load()
    choice = _choice(
        current,
        (letter, record, topic, reason),
        (partition, from_offset, to_offset),
        (since, until),
        (key, error),
    )
    if choice.is_everything is not everything:
        raise RefusedError("name what to redrive by filters, or say --all; not both")
    registry = open_registry(current)
    fix = None if fixed is None else _fix(fixed, choice, registry)
    order = Order(choice, force=force, limit=limit, fix=fix)
    if not dry_run and not yes and sys.stdin.isatty():
        _confirm(current, registry, order)
    _run(current, registry, order, send=not dry_run, as_json=as_json)


def _choice(
    current: settings.Settings,
    named: tuple[list[Place] | None, list[Place] | None, list[str] | None, list[Reason] | None],
    span: tuple[int | None, int | None, int | None],
    times: tuple[datetime | None, datetime | None],
    texts: tuple[str | None, str | None],
) -> Choice:
    letters, records, topics, reasons = named
    partition, from_offset, to_offset = span
    since, until = times
    key, error = texts
    return Choice(
        places=frozenset(letters or ()),
        records=frozenset(records or ()),
        topics=frozenset(_full_name(current, topic) for topic in topics or ()),
        reasons=frozenset(str(reason) for reason in reasons or ()),
        partition=partition,
        from_offset=from_offset,
        to_offset=to_offset,
        since_ms=_ms(since),
        until_ms=_ms(until),
        key=None if key is None else key.encode(),
        error=error,
    )


def _full_name(current: settings.Settings, topic: str) -> str:
    """Topics may be named with their prefix or without."""
    return topic if topic.startswith(current.topic_prefix) else current.topic(topic)


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1_000)


def _fix(
    path: Path, choice: Choice, registry: "SchemaRegistry"
) -> "Callable[[Outgoing], Outgoing]":
    import orjson  # noqa: PLC0415 - help stays quick

    from pipeline.deadletters.fixed import corrected  # noqa: PLC0415

    if len(choice.places) != 1:
        raise RefusedError("--fixed takes the place of one letter: name it with --letter")
    if path.stat().st_size > FIXED_BYTES_MAX:
        raise RefusedError(f"{path} has more than {FIXED_BYTES_MAX} bytes")
    try:
        fields: Any = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise RefusedError(f"{path} is no JSON: {error}") from error
    if not isinstance(fields, dict):
        raise RefusedError(f"{path} holds no JSON object")
    return lambda record: corrected(record, fields, registry)


def _confirm(current: settings.Settings, registry: "SchemaRegistry", order: "Order") -> None:
    from pipeline.deadletters.redrive import redrive as run  # noqa: PLC0415 - help stays quick

    planned = run(current, registry, order, send=False)
    if planned.redriven > 1:
        typer.confirm(f"Send {planned.redriven} records back to their topics?", abort=True)


def _run(
    current: settings.Settings,
    registry: "SchemaRegistry",
    order: "Order",
    *,
    send: bool,
    as_json: bool,
) -> None:
    from pipeline.deadletters.redrive import redrive as run  # noqa: PLC0415 - help stays quick

    tally = run(current, registry, order, send=send)
    show_tally(tally, sent=send, as_json=as_json)
    if tally.stopped is not None:
        complain(tally.stopped)
    if tally.stopped is not None or (send and _in_vain(tally, order)):
        raise typer.Exit(1)


def _in_vain(tally: "Tally", order: "Order") -> bool:
    """Whether letters were meant and none of them is redriven, now or before."""
    from pipeline.deadletters.policy import Ruling  # noqa: PLC0415 - help stays quick

    meant = tally.rulings.total() or order.choice.places or order.choice.records
    return bool(meant) and not tally.redriven and not tally.rulings[Ruling.REDRIVEN]
