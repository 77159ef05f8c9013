"""An archive of one pipeline's inputs and journal in a folder."""

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import topics
from pipeline.archive.files import PARTIAL, files_in, read_file, write_whole
from pipeline.errors import RefusedError
from pipeline.settings import Settings
from pipeline.streaming.records import Record
from pipeline.topics import Topic

LAYOUT = 1
ARCHIVED = (topics.JOURNAL, *topics.INPUTS)
"""The journal first: of what it tells the inputs are then archived too."""
_MANIFEST = "archive.json"
_LOCK = "archive.lock"
_TOPICS = "topic_ids"


@dataclass(frozen=True, slots=True)
class Archive:
    """A folder that was found to be an archive of ours; use `open_archive`."""

    root: Path

    def folder(self, topic: Topic, partition: int) -> Path:
        """Where a partition's files lie."""
        return self.root / topic.name / str(partition)

    def spans(self, topic: Topic, partition: int) -> list[range]:
        """The offsets that a partition's files cover, file by file."""
        return list(files_in(self.folder(topic, partition)))

    def end(self, topic: Topic, partition: int) -> int:
        """The offset after the last that is covered; 0: none is."""
        return max((span.stop for span in self.spans(topic, partition)), default=0)

    def read(self, topic: Topic, partition: int, start: int, end: int) -> Iterator[list[Record]]:
        """Records at offsets from ``start`` up to but without ``end``, some thousands at a time."""
        for span, path in files_in(self.folder(topic, partition)).items():
            if span.stop <= start or span.start >= end:
                continue
            for records in read_file(path, start):
                below = [record for record in records if record.offset < end]
                if below:
                    yield below
                    start = below[-1].offset + 1

    def check_topics(self, ids: Mapping[str, str]) -> None:
        """See that topics are those the archive is of: offsets of others mean other records.

        Args:
            ids: Of topics by name without prefix; those it knows none of pass.

        Raises:
            RefusedError: Some were made anew.
        """
        self._check(self._content().get(_TOPICS, {}), ids)

    def note_topics(self, ids: Mapping[str, str]) -> None:
        """Keep of which topics the archive is; for whoever has it locked.

        Raises:
            RefusedError: As `check_topics`.
        """
        content = self._content()
        known = content.get(_TOPICS, {})
        self._check(known, ids)
        if (noted := {**known, **ids}) != known:
            write_whole(self.root / _MANIFEST, json.dumps({**content, _TOPICS: noted}).encode())

    def _content(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.root / _MANIFEST).read_bytes())
        return content

    def _check(self, known: Mapping[str, str], ids: Mapping[str, str]) -> None:
        anew = [name for name, topic_id in ids.items() if known.get(name, topic_id) != topic_id]
        if anew:
            raise RefusedError(
                f"{self.root} is an archive of former topics: {', '.join(anew)} was deleted and "
                "made again since; `sesame archive` with another folder begins another"
            )


def open_archive(root: Path, settings: Settings) -> Archive:
    """An archive that is there.

    Raises:
        RefusedError: The folder is none, or one of another pipeline.
    """
    manifest = root / _MANIFEST
    try:
        content = json.loads(manifest.read_bytes())
    except FileNotFoundError as error:
        raise RefusedError(
            f"{root} is no archive: there is no {_MANIFEST}; `sesame archive` makes one"
        ) from error
    except (OSError, ValueError) as error:
        raise RefusedError(f"{manifest} cannot be read: {error}") from error
    should = _manifest(settings)
    for name, value in should.items():
        found = content.get(name) if isinstance(content, dict) else None
        if found != value:
            raise RefusedError(f"{manifest} says {name} {found!r}, and here it is {value!r}")
    return Archive(root)


@contextmanager
def locked_archive(root: Path, settings: Settings) -> Iterator[Archive]:
    """An archive to write to, made where there is none; nobody else writes meanwhile.

    Raises:
        RefusedError: It is one of another pipeline, holds other files, or is being written to.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = (root / _LOCK).open("w")
    except OSError as error:
        raise RefusedError(f"{root} cannot be written to: {error}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RefusedError(f"another program is writing to {root}") from error
        if not (root / _MANIFEST).exists():
            others = sorted(path.name for path in root.iterdir() if path.name != _LOCK)
            if others:
                raise RefusedError(f"{root} is no archive and not empty: it holds {others[0]}")
            write_whole(root / _MANIFEST, json.dumps(_manifest(settings)).encode())
        archive = open_archive(root, settings)
        for left in root.glob(f"*/*/*{PARTIAL}"):
            left.unlink()
        yield archive


def _manifest(settings: Settings) -> dict[str, object]:
    return {
        "layout": LAYOUT,
        "topic_prefix": settings.topic_prefix,
        "partitions": settings.partitions,
    }
