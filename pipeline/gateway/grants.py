"""The grants of a partition: one row per person, partner and purpose, and ways to find it."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from pipeline.factors.columns import Int32, Int64, UInt8
from pipeline.gateway.growing import grown
from pipeline.gateway.people import NO_GRANT, People
from pipeline.gateway.rows import GRANT_ROW, NEVER_MS
from pipeline.gateway.vocabulary import PURPOSES
from pipeline.partners.registry import PartnerId

_SLOTS_MIN = 1024
GRANTS_PER_PERSON_MAX = 64
"""Decisions about partners that are kept of a person; further ones are ignored."""
NO_PARTNER = -1
_PARTNER_ID = TypeAdapter(PartnerId)


class Grants:
    """Rows by slot; the people they belong to lie in `People`.

    ``rows``, ``user`` (slot of the person), ``partner`` (code), ``purpose`` (code) and
    ``due_ms`` are arrays over all slots; ``keys`` are the rows' names in the changelog, None
    for free slots; ``contracts`` and ``aliases`` are what does not fit a row: hashes of open
    contracts, oldest first, and subjects of before a rotation.
    """

    def __init__(self, people: People) -> None:
        """Start empty."""
        self._people = people
        self._free: list[int] = []
        self._slot_of: dict[int, int] = {}
        self._code_of: dict[str, int] = {}
        self._next: Int32 = np.full(_SLOTS_MIN, NO_GRANT, np.int32)
        self.partner_ids: list[str] = []
        self.rows = np.zeros(_SLOTS_MIN, GRANT_ROW)
        self.user: Int32 = np.zeros(_SLOTS_MIN, np.int32)
        self.partner: Int32 = np.zeros(_SLOTS_MIN, np.int32)
        self.purpose: UInt8 = np.zeros(_SLOTS_MIN, np.uint8)
        self.due_ms: Int64 = np.full(_SLOTS_MIN, NEVER_MS)
        self.keys: list[bytes | None] = []
        self.subject_slots: dict[bytes, int] = {}
        self.contracts: dict[int, list[int]] = {}
        self.aliases: dict[int, list[bytes]] = {}

    def __len__(self) -> int:
        """The number of rows."""
        return len(self._slot_of)

    @property
    def nbytes(self) -> int:
        """Bytes the rows hold, free slots included."""
        return self.rows.nbytes

    @property
    def slots_end(self) -> int:
        """One more than the highest slot ever taken."""
        return len(self.keys)

    def known_code(self, partner_id: str) -> int | None:
        """The code of a partner that has one; -1 for what can never be registered."""
        return self._code_of.get(partner_id, None if _is_partner_id(partner_id) else NO_PARTNER)

    def partner_code(self, partner_id: str) -> int:
        """The code of a partner, registered or not; -1 for what can never be registered."""
        code = self._code_of.get(partner_id)
        if code is None:
            if not _is_partner_id(partner_id):
                return NO_PARTNER
            code = self._code_of[partner_id] = len(self.partner_ids)
            self.partner_ids.append(partner_id)
        return code

    def find(
        self,
        people: NDArray[np.integer],
        partners: NDArray[np.integer],
        purposes: NDArray[np.integer],
    ) -> Int64:
        """The slots of grants, -1 where there is none; all arrays have shape (n,)."""
        find = self._slot_of.get
        names = _names(people, partners, purposes)
        return np.fromiter([find(name, -1) for name in names.tolist()], np.int64, len(names))

    def find_one(self, person: int, partner: int, purpose: int) -> int:
        """The slot of a grant; -1 where there is none."""
        return self._slot_of.get(_name(person, partner, purpose), -1)

    def add(self, person: int, partner: int, purpose: int) -> int:
        """A slot for a grant that has none yet; -1: the person has too many."""
        if self.has_too_many(person):
            return -1
        slot = self._take_slot()
        self._slot_of[_name(person, partner, purpose)] = slot
        self.user[slot], self.partner[slot], self.purpose[slot] = person, partner, purpose
        self._next[slot] = self._people.first_grant[person]
        self._people.first_grant[person] = slot
        user = self._people.user_at[person] or ""
        self.keys[slot] = _key_start(self.partner_ids[partner], purpose) + user.encode()
        return slot

    def remove(self, slot: int) -> None:
        """Forget a grant; the slot is zeroed before it is used again."""
        person, partner, purpose = self.user[slot], self.partner[slot], self.purpose[slot]
        del self._slot_of[_name(int(person), int(partner), int(purpose))]
        self._unlink(int(person), slot)
        for subject in (bytes(self.rows["subject"][slot]), *self.aliases.pop(slot, ())):
            if self.subject_slots.get(subject) == slot:
                del self.subject_slots[subject]
        self.contracts.pop(slot, None)
        self.rows[slot] = np.zeros((), GRANT_ROW)
        self.due_ms[slot] = NEVER_MS
        self.keys[slot] = None
        self._free.append(slot)

    def of_people(self, people: NDArray[np.integer]) -> Int64:
        """All grants of the people in these slots."""
        found: list[Int64] = []
        slots = self._people.first_grant[people]
        while True:
            slots = slots[slots != NO_GRANT]
            if not len(slots):
                return np.concatenate(found) if found else np.zeros(0, np.int64)
            found.append(slots.astype(np.int64))
            slots = self._next[slots]

    def known_as(self, subjects: Sequence[bytes]) -> Int64:
        """The grants of subjects, former ones too; -1 where there is none."""
        find = self.subject_slots.get
        return np.fromiter([find(subject, -1) for subject in subjects], np.int64, len(subjects))

    def name_subjects(self, slots: NDArray[np.integer], subjects: NDArray[np.bytes_]) -> None:
        """Set what grants are known by."""
        self.rows["subject"][slots] = subjects
        self.subject_slots.update(zip(subjects.tolist(), slots.tolist(), strict=True))

    def index_subjects(self) -> None:
        """Find grants by their subjects, former ones too: once rows were put in as they lie."""
        self.subject_slots.clear()
        for slot, aliases in self.aliases.items():
            self.subject_slots.update(dict.fromkeys(aliases, slot))
        rows = self.rows[: self.slots_end]
        named = np.flatnonzero(rows["key"])
        self.subject_slots.update(zip(rows["subject"][named].tolist(), named.tolist(), strict=True))

    def taken(self, start: int, end: int) -> Int64:
        """The slots of a range that hold a grant."""
        keys = self.keys[start:end]
        return np.array([start + i for i, key in enumerate(keys) if key is not None], np.int64)

    def has_too_many(self, person: int) -> bool:
        """Whether no further decision of a person is kept."""
        slot = int(self._people.first_grant[person])
        for _ in range(GRANTS_PER_PERSON_MAX):
            if slot == NO_GRANT:
                return False
            slot = int(self._next[slot])
        return True

    def _unlink(self, person: int, slot: int) -> None:
        first, following = self._people.first_grant, self._next
        at = int(first[person])
        if at == slot:
            first[person] = following[slot]
        else:
            while at != NO_GRANT and following[at] != slot:
                at = int(following[at])
            if at == NO_GRANT:
                raise LookupError(f"the grant in slot {slot} is in no list of its person")
            following[at] = following[slot]
        following[slot] = NO_GRANT

    def _take_slot(self) -> int:
        if self._free:
            return self._free.pop()
        slot = len(self.keys)
        self.keys.append(None)
        if slot == len(self.rows):
            self.rows, self._next = grown(self.rows), grown(self._next, NO_GRANT)
            self.user, self.partner = grown(self.user), grown(self.partner)
            self.purpose, self.due_ms = grown(self.purpose), grown(self.due_ms, NEVER_MS)
        return slot


def split_key(key: bytes) -> tuple[str, str, str]:
    """Partner, purpose and person of a row's name in the changelog.

    Raises:
        ValueError: It is no such name.
    """
    partner_id, purpose, user = key.split(b"\0", 2)
    return partner_id.decode(), purpose.decode(), user.decode()


@lru_cache(maxsize=4096)
def _key_start(partner_id: str, purpose: int) -> bytes:
    return f"{partner_id}\0{PURPOSES[purpose]}\0".encode()


@lru_cache(maxsize=4096)
def _is_partner_id(partner_id: str) -> bool:
    try:
        _PARTNER_ID.validate_python(partner_id)
    except ValidationError:
        return False
    return True


def _names(
    people: NDArray[np.integer], partners: NDArray[np.integer], purposes: NDArray[np.integer]
) -> Int64:
    names: Int64 = (people.astype(np.int64) << 32 | partners) << 3 | purposes
    return names


def _name(person: int, partner: int, purpose: int) -> int:
    return (person << 32 | partner) << 3 | purpose
