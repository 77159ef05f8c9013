"""The state of one partition: rows by slot, an index of people, lists that do not fit a row."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.layout import FACTOR_ROW, LEDGER_ROW
from pipeline.factors.state import BatchState
from pipeline.streaming.position import Position
from pipeline.streaming.stores.checkpoint import Checkpoint

_SLOTS_MIN = 1024
_EXPECTED_MAX = 1 << 20
"""People of a partition that room is made for at once; beyond, it doubles."""
_PEOPLE = ("_slot_of", "_user_at", "_free", "_rows", "_ledgers", "_contracts", "_links", "outdated")


class PartitionStore:
    """People's rows of one partition, in memory.

    ``gather`` hands out copies; what becomes of them is visible only after ``scatter``,
    which the lane calls once the batch's transaction has committed. ``outdated`` are people of
    whom the changelog holds something in a former layout.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._slot_of: dict[str, int] = {}
        self._user_at: list[str | None] = []
        self._free: list[int] = []
        self._rows = np.zeros(_SLOTS_MIN, FACTOR_ROW)
        self._ledgers = np.zeros(_SLOTS_MIN, LEDGER_ROW)
        self._contracts: dict[int, bytes] = {}
        self._links: dict[int, bytes] = {}
        self.outdated: set[str] = set()
        self.checkpoint: Checkpoint | None = None

    def __len__(self) -> int:
        """The number of people."""
        return len(self._slot_of)

    def __contains__(self, user: str) -> bool:
        """Whether the person has a row."""
        return user in self._slot_of

    @property
    def nbytes(self) -> int:
        """Bytes the two row arrays hold, free slots included; room nobody has come for is not."""
        slots = max(_SLOTS_MIN, 1 << max(0, len(self._user_at) - 1).bit_length())
        return slots * (FACTOR_ROW.itemsize + LEDGER_ROW.itemsize)

    def slots(self, users: Sequence[str]) -> NDArray[np.int64]:
        """Each person's slot, -1 for those without a row; shape (n_users,)."""
        found = map(self._slot_of.get, users, repeat(-1))
        return np.fromiter(found, np.int64, len(users))

    def gather(self, users: Sequence[str]) -> BatchState:
        """Copy the people's state out; people without a row get zeros."""
        slots = self.slots(users)
        rows = _opaque(self._rows)[slots].view(FACTOR_ROW)
        ledgers = _opaque(self._ledgers)[slots].view(LEDGER_ROW)
        unknown = slots < 0
        if unknown.any():
            rows[unknown] = np.zeros((), FACTOR_ROW)
            ledgers[unknown] = np.zeros((), LEDGER_ROW)
        return BatchState(
            users=list(users),
            rows=rows,
            ledgers=ledgers,
            contracts=_lists(self._contracts, slots),
            links=_lists(self._links, slots),
        )

    def scatter(self, state: BatchState, selection: Iterable[int]) -> None:
        """Write the selected people of a batch back, giving new ones a slot."""
        people = list(selection)
        chosen = np.array(people, np.int64)
        slots = self._slots_or_new([state.users[i] for i in people])
        at = slots.tolist()
        for held, lists in ((self._contracts, state.contracts), (self._links, state.links)):
            for slot, i in zip(at, people, strict=True):
                _put(held, slot, lists[i])
        _opaque(self._rows)[slots] = _opaque(state.rows)[chosen]
        _opaque(self._ledgers)[slots] = _opaque(state.ledgers)[chosen]

    def put_row(self, users: Sequence[str], rows: NDArray[np.void]) -> None:
        """Set factor rows, as a changelog gives them; the last of a repeated person wins."""
        slots = self._slots_or_new(users)  # first: it may replace the array
        _opaque(self._rows)[slots] = _opaque(rows)

    def put_ledger(self, users: Sequence[str], ledgers: NDArray[np.void]) -> None:
        """Set ledger rows, as a changelog gives them."""
        slots = self._slots_or_new(users)
        _opaque(self._ledgers)[slots] = _opaque(ledgers)

    def put_people(
        self, users: Sequence[str], rows: NDArray[np.void], ledgers: NDArray[np.void]
    ) -> None:
        """Set both rows of the same people, as a changelog gives them."""
        slots = self._slots_or_new(users)
        _opaque(self._rows)[slots] = _opaque(rows)
        _opaque(self._ledgers)[slots] = _opaque(ledgers)

    def put_contracts(self, user: str, packed: bytes) -> None:
        """Set a person's packed contracts."""
        _put(self._contracts, self._slot_or_new(user), packed)

    def put_links(self, user: str, packed: bytes) -> None:
        """Set a person's packed links."""
        _put(self._links, self._slot_or_new(user), packed)

    def put_many_contracts(self, users: Sequence[str], packed: Sequence[bytes]) -> None:
        """Set many people's packed contracts; an empty list of nobody known is left out."""
        self._put_lists(self._contracts, users, packed)

    def put_many_links(self, users: Sequence[str], packed: Sequence[bytes]) -> None:
        """Set many people's packed links; an empty list of nobody known is left out."""
        self._put_lists(self._links, users, packed)

    def remove(self, user: str) -> None:
        """Forget a person; the slot is zeroed before it is used again."""
        slot = self._slot_of.pop(user, None)
        if slot is None:
            return
        self._user_at[slot] = None
        self.outdated.discard(user)
        self._rows[slot] = np.zeros((), FACTOR_ROW)
        self._ledgers[slot] = np.zeros((), LEDGER_ROW)
        self._contracts.pop(slot, None)
        self._links.pop(slot, None)
        self._free.append(slot)

    def chunks(self, people_max: int) -> Iterator[list[str]]:
        """Everyone, in slot order, in lists of at most ``people_max``."""
        everyone = [user for user in self._user_at if user is not None]
        for start in range(0, len(everyone), people_max):
            yield everyone[start : start + people_max]

    def expired(self, now_ms: int) -> list[str]:
        """People with a consent that ends by ``now_ms``, in slot order."""
        ends = self._ledgers["consent_expires_ms"][: len(self._user_at)]
        slots = np.flatnonzero(((ends > 0) & (ends <= now_ms)).any(axis=1))
        return [user for slot in slots.tolist() if (user := self._user_at[slot]) is not None]

    def next_expiry_ms(self) -> int:
        """The earliest end of a consent anybody gave; 0: none has an end."""
        ends = self._ledgers["consent_expires_ms"][: len(self._user_at)]
        ends = ends[ends > 0]
        return int(ends.min()) if ends.size else 0

    def _put_lists(
        self, lists: dict[int, bytes], users: Sequence[str], packed: Sequence[bytes]
    ) -> None:
        slots = self.slots(users).tolist()
        if -1 in slots or not all(packed):
            for user, one in zip(users, packed, strict=True):
                if one or user in self:
                    _put(lists, self._slot_or_new(user), one)
        else:
            lists.update(zip(slots, packed, strict=True))

    def expect(self, people: int) -> None:
        """Make room for so many people in all, that their rows need not be moved as they come.

        Memory nobody has written to takes none, so that more may be expected than will come.
        """
        if len(self._rows) < min(people, _EXPECTED_MAX):
            with suppress(MemoryError):  # they may yet fit, if there are fewer
                self._grow(min(people, _EXPECTED_MAX))

    def adopt(self, other: "PartitionStore") -> None:
        """Have another's people instead; that one is not to be used any more."""
        vars(self).update({name: vars(other)[name] for name in _PEOPLE})

    def keep(self, position: Position | None, offset: int, at_ms: int) -> None:
        """Nothing: this one is restored from the changelog."""

    def due_in_s(self) -> float | None:
        """Never: nothing is written."""
        return None

    def tend(self) -> None:
        """Nothing is ever due."""

    def close(self, *, save: bool = True) -> None:
        """Nothing to let go of but the memory."""

    def _slots_or_new(self, users: Sequence[str]) -> NDArray[np.int64]:
        known = self._slot_of
        if users and not self._free and users[0] not in known and users[-1] not in known:
            return self._slots_of_new(users)
        slots = self.slots(users)
        unknown = np.flatnonzero(slots < 0)
        if len(unknown):
            everybody = len(unknown) == len(users)
            asked = users if everybody else [users[i] for i in unknown.tolist()]
            new = list(dict.fromkeys(asked))
            one_by_one = bool(self._free) or len(new) < len(asked)
            first = len(self._user_at)
            self._take_slots(new)
            slots[unknown] = self.slots(asked) if one_by_one else np.arange(first, first + len(new))
        return slots

    def _slots_of_new(self, users: Sequence[str]) -> NDArray[np.int64]:
        """As `_slots_or_new` where most are new and no slot is free: finds and adds in one pass."""
        first, count = len(self._user_at), len(users)
        given = range(first, first + count)
        slots = np.fromiter(map(self._slot_of.setdefault, users, given), np.int64, count)
        is_new = slots == np.arange(first, first + count)
        if is_new.all():
            self._user_at += users
        else:  # the slots given to whom it turned out to know stay empty: close up
            new = [users[i] for i in np.flatnonzero(is_new).tolist()]
            self._user_at += new
            self._slot_of.update(zip(new, range(first, len(self._user_at)), strict=True))
            added = slots >= first
            slots[added] = (first - 1 + np.cumsum(is_new))[slots[added] - first]
        self._grow_to(len(self._user_at))
        return slots

    def _take_slots(self, users: list[str]) -> None:
        """Give new people a slot each."""
        reused = min(len(users), len(self._free))
        for user in users[:reused]:
            self._take_slot(user)
        first = len(self._user_at)
        self._user_at += users[reused:]
        self._slot_of.update(zip(users[reused:], range(first, len(self._user_at)), strict=True))
        self._grow_to(len(self._user_at))

    def _slot_or_new(self, user: str) -> int:
        slot = self._slot_of.get(user)
        return self._take_slot(user) if slot is None else slot

    def _take_slot(self, user: str) -> int:
        if self._free:
            slot = self._free.pop()
            self._user_at[slot] = user
        else:
            slot = len(self._user_at)
            self._user_at.append(user)
            if slot == len(self._rows):
                self._grow(2 * slot)
        self._slot_of[user] = slot
        return slot

    def _grow_to(self, people: int) -> None:
        slots = len(self._rows)
        while slots < people:
            slots *= 2
        if slots > len(self._rows):
            self._grow(slots)

    def _grow(self, slots: int) -> None:
        rows, ledgers = _grown(self._rows, slots), _grown(self._ledgers, slots)
        self._rows, self._ledgers = rows, ledgers


def _opaque(rows: NDArray[np.void]) -> NDArray[np.void]:
    """The same rows without fields: numpy then moves each at once, not field by field."""
    return rows.view(f"V{rows.dtype.itemsize}")


def _grown(array: NDArray[np.void], length: int) -> NDArray[np.void]:
    grown = np.zeros(length, array.dtype)
    _opaque(grown)[: len(array)] = _opaque(array)
    return grown


def _lists(packed: dict[int, bytes], slots: NDArray[np.int64]) -> list[bytes]:
    if not packed:
        return [b""] * len(slots)
    find = packed.get
    return [find(slot, b"") for slot in slots.tolist()]


def _put(packed: dict[int, bytes], slot: int, value: bytes) -> None:
    if value:
        packed[slot] = value
    else:
        packed.pop(slot, None)
