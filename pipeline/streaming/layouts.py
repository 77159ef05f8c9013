"""Layouts of what lies in changelogs: former ones are brought up to date, newer ones refused.

Every value says the version of its layout: rows and lists in their first byte, documents in a
field. A kind of value knows all versions since the oldest that is still read, and for each of
them a pure function to the one after it; values of several versions may lie side by side.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import SesameError
from pipeline.streaming.records import Entry, Record
from pipeline.topics import Topic

Content = TypeVar("Content")
Rows = NDArray[np.void]
Bool = NDArray[np.bool_]


class UnreadableRowError(SesameError, ValueError):
    """A changelog record that this program cannot apply; the worker must not go on."""


@dataclass(frozen=True, slots=True)
class Layouts(Generic[Content]):
    """The layouts of one kind of value.

    ``kind`` is what errors call it, ``current`` the version that is written; ``migrations``
    brings content of each former version that is still read to the one after it.
    """

    kind: str
    current: int
    migrations: Mapping[int, Callable[[Content], Content]]

    @property
    def known(self) -> range:
        """The versions that can be read."""
        return range(self.current - len(self.migrations), self.current + 1)

    def check(self, version: int) -> None:
        """See that a version can be read.

        Raises:
            UnreadableRowError: It cannot.
        """
        if version in self.known:
            return
        known = " to ".join(str(end) for end in sorted({self.known[0], self.current}))
        if version > self.current:
            advice = "a newer program has written it: run that one"
        elif version < 1:
            advice = "no program has ever written it: look for who did"
        else:
            advice = "it is no longer read: run a program that knows both once"
        raise UnreadableRowError(
            f"{self.kind} of layout {version}, and this program knows {known}; {advice}"
        )

    def migrated(self, version: int, content: Content) -> Content:
        """Content of a version as it is in the current one.

        Raises:
            UnreadableRowError: The version is not known.
        """
        self.check(version)
        for former in range(version, self.current):
            content = self.migrations[former](content)
        return content


@dataclass(frozen=True, slots=True)
class RowLayouts:
    """The layouts of a kind of row: ``dtypes`` by version, each with ``layout`` as first byte."""

    layouts: Layouts[Rows]
    dtypes: Mapping[int, np.dtype[np.void]]

    def read(self, values: Sequence[bytes]) -> tuple[Rows, Bool]:
        """Rows of any known version.

        Args:
            values: n changelog values.

        Returns:
            The rows in the current layout and which of them lie there in a former one, (n,) both.

        Raises:
            UnreadableRowError: A value of unknown version, or of another size than its version's.
        """
        current = self.layouts.current
        versions = {_version(value) for value in values}
        if versions <= {current}:
            return self._rows(current, values), np.zeros(len(values), np.bool_)
        found = np.fromiter(map(_version, values), np.uint8, len(values))
        rows = np.zeros(len(values), self.dtypes[current])
        for version in sorted(versions):
            self.layouts.check(version)
            at = np.flatnonzero(found == version)
            former = self._rows(version, [values[i] for i in at.tolist()])
            rows[at] = self.layouts.migrated(version, former)
        rows["layout"] = current
        return rows, found != current

    def _rows(self, version: int, values: Sequence[bytes]) -> Rows:
        dtype = self.dtypes[version]
        for value in values:
            if len(value) != dtype.itemsize:
                raise UnreadableRowError(
                    f"{self.layouts.kind} of layout {version} and {len(value)} bytes, and that "
                    f"layout has {dtype.itemsize}"
                )
        return np.frombuffer(b"".join(values), dtype)


@dataclass(frozen=True, slots=True)
class ListLayouts:
    """The layouts of a kind of packed list: the version lies in a byte before it."""

    layouts: Layouts[bytes]

    def write(self, packed: bytes) -> bytes:
        """The changelog value of a list."""
        return bytes([self.layouts.current]) + packed

    def read(self, value: bytes) -> tuple[bytes, bool]:
        """The list in the current layout, and whether it lies there in a former one.

        Raises:
            UnreadableRowError: Its version is unknown.
        """
        version = _version(value)
        return self.layouts.migrated(version, value[1:]), version != self.layouts.current


@contextmanager
def told_where(
    topic: Topic,
    partition: int,
    records: Sequence[Record],
    apply: Callable[[list[Entry]], object],
    way_on: str,
) -> Iterator[None]:
    """Have an unreadable record told with its place.

    Args:
        topic: The changelog.
        partition: Its number.
        records: What is applied meanwhile.
        apply: Applies entries to a state of nobody, to find out which it was.
        way_on: What builds the state anew.

    Raises:
        UnreadableRowError: One of them is.
    """
    try:
        yield
    except UnreadableRowError as error:
        place = f"{topic.name}, partition {partition}, {_place(records, apply)}"
        raise UnreadableRowError(f"{place}: {error}; {way_on}") from error


def _place(records: Sequence[Record], apply: Callable[[list[Entry]], object]) -> str:
    newest = {record.key: record for record in records}
    for record in newest.values():
        try:
            apply([(record.key or b"", record.value)])
        except UnreadableRowError:
            return f"offset {record.offset}"
    return f"offsets {records[0].offset} to {records[-1].offset}"


def _version(value: bytes) -> int:
    return value[0] if value else 0
