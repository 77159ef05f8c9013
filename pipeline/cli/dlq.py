"""``sesame dlq``: what could not be folded, and why."""

import heapq
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from pipeline import settings
from pipeline.cli.output import Json, print_json, print_table
from pipeline.cli.records import each_record
from pipeline.codec.reasons import Reason
from pipeline.topics import DEAD_LETTERS

app = typer.Typer(help="List dead letters.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter: where its record came from and what was wrong with it."""

    topic: str
    partition: int
    offset: int
    reason: str
    error: str
    failed_at: str
    key: str
    value_bytes: int


@app.callback()
def root() -> None:
    """List dead letters."""


@app.command("list")
def list_letters(
    *,
    reason: Annotated[
        list[Reason] | None, typer.Option(help="Only these reasons; may be given several times.")
    ] = None,
    topic: Annotated[
        str | None, typer.Option(help="Only records of this topic, named with its prefix.")
    ] = None,
    user: Annotated[str | None, typer.Option(help="Only records with this key.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Show this many, the newest.")] = 20,
    as_json: Json = False,
) -> None:
    """Count dead letters by reason and topic, and show the newest."""
    reasons: Counter[str] = Counter()
    topics: Counter[str] = Counter()
    newest: list[tuple[int, int, Letter]] = []  # a heap, the oldest first

    def take(record: Any) -> None:
        letter = read_letter(record)
        if (reason and letter.reason not in reason) or topic not in {None, letter.topic}:
            return
        if user not in {None, letter.key}:
            return
        reasons[letter.reason] += 1
        topics[letter.topic] += 1
        heapq.heappush(newest, (record.timestamp, reasons.total(), letter))
        if len(newest) > limit:
            heapq.heappop(newest)

    each_record(settings.load(), DEAD_LETTERS, take)
    _show(reasons, topics, [letter for _, _, letter in sorted(newest)], as_json=as_json)


def read_letter(record: Any) -> Letter:
    """A record of the dead-letter topic, by its headers."""
    headers = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
    return Letter(
        topic=headers.get("dlq.topic", ""),
        partition=int(headers.get("dlq.partition", -1)),
        offset=int(headers.get("dlq.offset", -1)),
        reason=headers.get("dlq.reason", ""),
        error=headers.get("dlq.error", ""),
        failed_at=_instant(headers.get("dlq.failed_at", "0")),
        key=(record.key or b"").decode(errors="replace"),
        value_bytes=len(record.value or b""),
    )


def _instant(milliseconds: str) -> str:
    return datetime.fromtimestamp(int(milliseconds) / 1_000, UTC).isoformat(timespec="milliseconds")


def _show(
    reasons: Counter[str], topics: Counter[str], letters: list[Letter], *, as_json: bool
) -> None:
    if as_json:
        print_json(
            {
                "total": reasons.total(),
                "reasons": dict(reasons.most_common()),
                "topics": dict(topics.most_common()),
                "letters": letters,
            }
        )
        return
    if not reasons:
        typer.echo("no dead letters")
        return
    print_table(("Reason", "Records"), reasons.most_common(), "By reason")
    print_table(("Topic", "Records"), topics.most_common(), "By topic")
    print_table(
        ("Record", "Failed at", "Reason", "Error"),
        [(f"{x.topic}/{x.partition}@{x.offset}", x.failed_at, x.reason, x.error) for x in letters],
        f"The newest {len(letters)} of {reasons.total()}",
    )
