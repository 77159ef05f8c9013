"""The people of a partition: their latest scores, and what is remembered of their enrolment."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.columns import Bool, Int32, Int64
from pipeline.gateway.growing import grown
from pipeline.gateway.rows import KEEP_MS, NEVER_MS, PERSON_ROW, PERSON_ROW_LAYOUT, SCORE_ROW

_SLOTS_MIN = 1024
NO_GRANT = -1


class People:
    """Rows by slot and an index; a slot lasts while there is a score, a memory or a grant.

    ``scores`` and ``rows`` are arrays over all slots; ``first_grant`` is the head of each
    person's list of grants, see `Grants`; ``due_ms`` when time changes something next.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._slot_of: dict[str, int] = {}
        self._free: list[int] = []
        self.user_at: list[str | None] = []
        self.scores = np.zeros(_SLOTS_MIN, SCORE_ROW)
        self.rows = np.zeros(_SLOTS_MIN, PERSON_ROW)
        self.first_grant: Int32 = np.full(_SLOTS_MIN, NO_GRANT, np.int32)
        self.due_ms: Int64 = np.full(_SLOTS_MIN, NEVER_MS)

    def __len__(self) -> int:
        """The number of people."""
        return len(self._slot_of)

    @property
    def nbytes(self) -> int:
        """Bytes the row arrays hold, free slots included."""
        return self.scores.nbytes + self.rows.nbytes

    def slots(self, users: Sequence[str]) -> Int64:
        """Each person's slot, -1 for those without; shape (n_users,)."""
        find = self._slot_of.get
        return np.fromiter([find(user, -1) for user in users], np.int64, len(users))

    def slots_or_new(self, users: Sequence[str]) -> Int64:
        """Each person's slot; shape (n_users,)."""
        slots = self.slots(users)
        for i in np.flatnonzero(slots < 0).tolist():
            slots[i] = self._slot_or_new(users[i])
        return slots

    def users(self, slots: NDArray[np.integer]) -> list[str]:
        """The people in slots that are taken."""
        at = self.user_at
        return [at[slot] or "" for slot in slots.tolist()]

    def remember(self, slots: NDArray[np.integer]) -> None:
        """Mark rows as in use and see when time changes them; empty ones are left out."""
        rows = self.rows[slots]
        used = (rows["enrolled_at_ms"] != 0) | (rows["cut_at_ms"] != 0)
        self.rows["layout"][slots] = np.where(used, PERSON_ROW_LAYOUT, 0)
        self.due_ms[slots] = _due_ms(rows)

    def release(self, slots: NDArray[np.integer]) -> None:
        """Free the slots of which nothing is left to be kept."""
        if not len(slots):
            return
        empty: Bool = self.scores["status"][slots] == 0
        empty &= (self.rows["layout"][slots] == 0) & (self.first_grant[slots] == NO_GRANT)
        for slot in np.unique(slots[empty]).tolist():
            user = self.user_at[slot]
            if user is not None:
                del self._slot_of[user]
                self.user_at[slot] = None
                self.rows[slot] = np.zeros((), PERSON_ROW)
                self.scores[slot] = np.zeros((), SCORE_ROW)
                self.due_ms[slot] = NEVER_MS
                self._free.append(slot)

    def _slot_or_new(self, user: str) -> int:
        slot = self._slot_of.get(user)
        if slot is not None:
            return slot
        if self._free:
            slot = self._free.pop()
            self.user_at[slot] = user
        else:
            slot = len(self.user_at)
            self.user_at.append(user)
            if slot == len(self.rows):
                self.scores, self.rows = grown(self.scores), grown(self.rows)
                self.first_grant = grown(self.first_grant, NO_GRANT)
                self.due_ms = grown(self.due_ms, NEVER_MS)
        self._slot_of[user] = slot
        return slot


def _due_ms(rows: NDArray[np.void]) -> Int64:
    """When an enrolment ends, its end is forgotten, or an erasure is."""
    ends, seen = rows["ends_at_ms"], rows["ended_seen_ms"]
    enrolment = np.where(ends == 0, NEVER_MS, np.where(seen == 0, ends, seen + KEEP_MS))
    cut = np.where(rows["cut_at_ms"] == 0, NEVER_MS, rows["cut_seen_ms"] + KEEP_MS)
    due: Int64 = np.minimum(enrolment, cut)
    return due
