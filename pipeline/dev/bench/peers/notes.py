"""What a per-event peer says of itself while it runs: how far it is, and since when.

It knows the moment it applied an event best; asking the broker would only tell what was
committed.
"""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline import topics

NOTES = "SESAME_BENCH_NOTES"
"""The file where a peer notes how far it is."""
_WRITE_S = 0.1


@dataclass(frozen=True, slots=True)
class Noted:
    """Consents and data events applied, and when the last of the latter was."""

    consents: int = 0
    events: int = 0
    last_at: float = 0.0


@dataclass(slots=True)
class Notes:
    """Counts what is applied; workers that are threads of one process may share it."""

    _consents: int = 0
    _events: int = 0
    _last_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, topic: str) -> None:
        """One more event of a topic."""
        now = time.time()
        with self._lock:
            if topic == topics.CONSENTS.name:
                self._consents += 1
            elif topic != topics.PEER_SIGNALS.name:
                self._last_at = now
                self._events += 1

    def now(self) -> Noted:
        """All of it, as of one moment."""
        with self._lock:
            return Noted(self._consents, self._events, self._last_at)


def read_notes(path: Path) -> Noted:
    """What was noted last; nothing yet, if there is no file."""
    try:
        told: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return Noted()
    return Noted(**told)


@contextmanager
def kept_notes() -> Iterator[Notes]:
    """Notes that are written down ten times a second to where ``NOTES`` says, if it does."""
    notes, path = Notes(), os.environ.get(NOTES)
    if path is None:
        yield notes
        return
    ended = threading.Event()
    writer = threading.Thread(target=_keep, args=(notes, Path(path), ended), daemon=True)
    writer.start()
    try:
        yield notes
    finally:
        ended.set()
        writer.join()


def _keep(notes: Notes, path: Path, ended: threading.Event) -> None:
    written = Noted()
    over = False
    while not over:
        over = ended.wait(_WRITE_S)
        if (now := notes.now()) != written:
            draft = path.with_suffix(".draft")
            draft.write_text(json.dumps(asdict(now)))
            draft.replace(path)  # a reader never sees half of it
            written = now
