"""A set of people in a database: what has changed of it is in memory until it is written."""

from collections.abc import Iterable, Iterator

from pipeline.streaming.stores.database import Database, Pair


class MarkedPeople:
    """People whose keys lie under a prefix of their own."""

    def __init__(self, database: Database, prefix: bytes, count: int) -> None:
        """Set up over ``count`` people that the database has under ``prefix``."""
        self._database = database
        self._prefix = prefix
        self._count = count
        self._changed: dict[str, bool] = {}

    def __len__(self) -> int:
        """How many."""
        return self._count

    def __contains__(self, user: str) -> bool:
        """Whether somebody is in it."""
        if user in self._changed:
            return self._changed[user]
        return bool(self._count) and self._database.get([self._key(user)])[0] is not None

    def __iter__(self) -> Iterator[str]:
        """Each of them."""
        yield from [user for user, is_in in self._changed.items() if is_in]
        for key, _ in self._database.scan(self._prefix):
            if (user := key[len(self._prefix) :].decode()) not in self._changed:
                yield user

    def add(self, user: str) -> None:
        """Take somebody in."""
        if user not in self:
            self._changed[user] = True
            self._count += 1

    def discard(self, user: str) -> None:
        """Leave somebody out."""
        if user in self:
            self._changed[user] = False
            self._count -= 1

    def update(self, users: Iterable[str]) -> None:
        """Take people in."""
        for user in users:
            self.add(user)

    def difference_update(self, users: Iterable[str]) -> None:
        """Leave people out."""
        for user in users:
            self.discard(user)

    def changes(self) -> tuple[list[Pair], list[bytes]]:
        """What the database lacks, to be put and to be deleted."""
        changed = self._changed.items()
        puts = [(self._key(user), b"") for user, is_in in changed if is_in]
        return puts, [self._key(user) for user, is_in in changed if not is_in]

    def written(self) -> None:
        """Take note that the database has what `changes` told of."""
        self._changed = {}

    def _key(self, user: str) -> bytes:
        return self._prefix + user.encode()
