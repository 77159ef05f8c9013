"""A partner's local view on disk: its rows and where they stand, in one transaction.

A view that is restored is the one a crash interrupted: no record is applied twice or left
out, as the offsets are written with the rows they brought.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.errors import RefusedError
from pipeline.partners.database import transaction
from pipeline.partners.records import PartnerScore
from pipeline.partners.view import Entry, Folded, LocalView
from pipeline.partners.vocabulary import Admitted, Disclosure

_COLUMNS = (
    "subject, generation, partner_id, purpose, disclosure, admitted, band, score, threshold, "
    "reasons, model, as_of_ms, grant_expires_at_ms, sequence"
)
_PUT = f"REPLACE INTO scores ({_COLUMNS}) VALUES ({', '.join('?' * 14)})"  # noqa: S608 - constant


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a view stands in its topic.

    ``offsets`` are the next ones by partition; ``current_at_ms`` is when, by the wall clock,
    nothing was known to be missing; ``rebuilding`` while the topic is read from its beginning.
    """

    topic: str
    topic_id: str | None
    offsets: Mapping[int, int] = field(default_factory=dict)
    current_at_ms: int = 0
    generation: int = 0
    rebuilding: bool = False


class ViewStore:
    """The view's tables; for one thread at a time.

    Args:
        connection: To the partner's file.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def load(self, topic: str) -> tuple[LocalView, Standing | None]:
        """The view and where it stands; None where there is none yet.

        Raises:
            RefusedError: The file belongs to another topic.
        """
        row = self._connection.execute(
            "SELECT topic, topic_id, current_at_ms, generation, rebuilding FROM standing"
        ).fetchone()
        if row is None:
            return LocalView(), None
        if row[0] != topic:
            raise RefusedError(f"the store holds what {row[0]} told, not {topic}: name another")
        offsets = dict(self._connection.execute("SELECT partition, next_offset FROM offsets"))
        standing = Standing(row[0], row[1], offsets, row[2], row[3], bool(row[4]))
        rows = self._connection.execute(f"SELECT {_COLUMNS} FROM scores")  # noqa: S608 - constant
        return LocalView({r[0]: _entry(r) for r in rows}, standing.generation), standing

    def begin(self, standing: Standing) -> None:
        """Stand at the beginning of a topic; rows of former generations stay for now."""
        with transaction(self._connection):
            self._stand(standing)
            self._connection.execute("DELETE FROM offsets")
            self._move(standing.offsets)

    def save(self, folded: Folded, offsets: Mapping[int, int]) -> None:
        """Write what a batch did, and where the next one starts."""
        with transaction(self._connection):
            self._put(folded)
            self._move(offsets)

    def catch_up(self, folded: Folded, standing: Standing) -> Standing:
        """Write that the topic was read to its end, and the end of what was not in it."""
        caught_up = replace(standing, rebuilding=False)
        with transaction(self._connection):
            self._put(folded)
            self._stand(caught_up)
            self._move(standing.offsets)
        return caught_up

    def mark(self, standing: Standing) -> None:
        """Write that nothing was missing at ``current_at_ms``."""
        with transaction(self._connection):
            self._stand(standing)
            self._move(standing.offsets)

    def _put(self, folded: Folded) -> None:
        kept = [_row(entry) for entry in folded.rows.values() if entry is not None]
        gone = [(subject,) for subject, entry in folded.rows.items() if entry is None]
        self._connection.executemany(_PUT, kept)
        self._connection.executemany("DELETE FROM scores WHERE subject = ?", gone)

    def _stand(self, standing: Standing) -> None:
        self._connection.execute(
            "REPLACE INTO standing (id, topic, topic_id, current_at_ms, generation, rebuilding) "
            "VALUES (1, ?, ?, ?, ?, ?)",
            (
                standing.topic,
                standing.topic_id,
                standing.current_at_ms,
                standing.generation,
                standing.rebuilding,
            ),
        )

    def _move(self, offsets: Mapping[int, int]) -> None:
        self._connection.executemany("REPLACE INTO offsets VALUES (?, ?)", offsets.items())


def _row(entry: Entry) -> tuple[object, ...]:
    seen = entry.seen
    return (
        seen.subject,
        entry.generation,
        seen.partner_id,
        seen.purpose,
        seen.disclosure,
        seen.admitted,
        seen.band,
        seen.score,
        seen.threshold,
        json.dumps(seen.reasons),
        seen.model,
        seen.as_of_ms,
        seen.grant_expires_at_ms,
        seen.sequence,
    )


def _entry(row: Iterable[Any]) -> Entry:
    subject, generation, partner, purpose, disclosure, admitted, *rest = row
    band, score, threshold, reasons, model, as_of_ms, expires_at_ms, sequence = rest
    return Entry(
        generation,
        PartnerScore(
            subject,
            partner,
            purpose,
            Disclosure(disclosure),
            Admitted(admitted),
            band,
            score,
            threshold,
            tuple(json.loads(reasons)),
            model,
            as_of_ms,
            expires_at_ms,
            sequence,
        ),
    )
