"""``sesame disclosures``: what partners were shown of a person, and when they asked."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from pipeline import settings
from pipeline.cli.output import Json, print_json, print_table

app = typer.Typer()

User = Annotated[str, typer.Argument(metavar="USER", help="The person's id.")]


@dataclass(slots=True)
class Account:
    """What one partner was shown for one purpose; times in milliseconds."""

    partner_id: str
    purpose: str
    first_shown: int | None = None
    last_shown: int | None = None
    times_shown: int = 0
    times_asked: int = 0
    times_frozen: int = 0
    last_ended: int | None = None
    """When the partner was last no longer shown anything."""
    shown_now: bool = False

    def take(self, record: Mapping[str, Any]) -> None:
        """Add a record, the next by time."""
        at_ms = record["occurred_at"]
        match record["kind"]:
            case "SHOWN":
                self.first_shown = at_ms if self.first_shown is None else self.first_shown
                self.last_shown = at_ms
                self.times_shown += 1
                self.shown_now = True
            case "ENDED":
                self.last_ended = at_ms
                self.shown_now = False
            case "ASKED":
                self.times_asked += 1
            case "FROZEN":
                self.times_frozen += 1


@app.command()
def disclosures(user: User, *, as_json: Json = False) -> None:
    """Show what partners were shown of a person, why, and how often they asked."""
    records = read_disclosures(settings.load(), user)
    kept = accounts(records)
    if as_json:
        told = [asdict(account) for account in kept]
        print_json({"user_id": user, "partners": told, "disclosures": records})
        return
    if not records:
        typer.echo(f"No partner was ever shown anything of {user}, or asked about {user}")
        return
    _show_records(user, records)
    _show_accounts(kept)


def read_disclosures(current: settings.Settings, user: str) -> list[dict[str, Any]]:
    """The person's Disclosed records, oldest first.

    Raises:
        SesameError: No broker answers, or there is no such topic.
    """
    from pipeline.cli.records import values_of  # noqa: PLC0415 - help stays quick
    from pipeline.codec.encode import decode_record  # noqa: PLC0415
    from pipeline.codec.open import open_registry  # noqa: PLC0415
    from pipeline.topics import DISCLOSURES  # noqa: PLC0415

    registry = open_registry(current)
    values = values_of(current, DISCLOSURES, user)
    return [decode_record(value, registry) for value in values if value is not None]


def accounts(records: Iterable[Mapping[str, Any]]) -> list[Account]:
    """What came of it for each partner and purpose, by their names."""
    found: dict[tuple[str, str], Account] = {}
    for record in records:
        name = record["partner_id"], record["purpose"]
        found.setdefault(name, Account(*name)).take(record)
    return [found[name] for name in sorted(found)]


def _show_records(user: str, records: list[dict[str, Any]]) -> None:
    print_table(
        ("When", "Partner", "Purpose", "What", "Because of", "Seen"),
        [
            (
                _moment(record["occurred_at"]),
                record["partner_id"],
                record["purpose"],
                record["kind"],
                record["cause"],
                _seen(record),
            )
            for record in records
        ],
        title=f"Disclosures of {user}",
    )


def _show_accounts(kept: list[Account]) -> None:
    print_table(
        ("Partner", "Purpose", "First", "Last", "Shown", "Asked", "Frozen", "Ended", "Now"),
        [
            (
                account.partner_id,
                account.purpose,
                _moment(account.first_shown),
                _moment(account.last_shown),
                account.times_shown,
                account.times_asked,
                account.times_frozen,
                _moment(account.last_ended),
                "shown" if account.shown_now else "not shown",
            )
            for account in kept
        ],
    )


def _seen(record: Mapping[str, Any]) -> str:
    if record["admitted"] is None:
        return ""
    what = [f"admitted from {record['threshold']}: {record['admitted']}"]
    what += [str(record[name]) for name in ("band", "score") if record[name] is not None]
    return ", ".join([*what, *record["reasons"]])


def _moment(at_ms: int | None) -> str:
    if at_ms is None:
        return ""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(" ", "seconds")
