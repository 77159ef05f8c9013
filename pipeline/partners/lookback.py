"""Finding the score of a person who grants after it was published.

No score of people without a grant is kept, so a new grant needs the person's latest score
read again. What is kept instead is where it stands: one offset a person, of a topic that is
compacted to each person's latest score. Pure; one of these for each partition of `scores`.
"""


class LookBack:
    """Where the latest scores of one partition stand, and which have to be read again.

    One look back runs at a time and grants that come meanwhile wait for the next, so that
    every look back ends and reading goes on, however fast the grants come.
    """

    def __init__(self) -> None:
        self._latest: dict[bytes, int] = {}
        self._wanted: set[bytes] = set()
        self._seeking: set[bytes] = set()
        self._resume_at: int | None = None

    def __contains__(self, key: bytes) -> bool:
        """Whether the person's latest score is still to be read again."""
        return key in self._wanted or key in self._seeking

    @property
    def under_way(self) -> bool:
        """Whether anything is still to be read again."""
        return bool(self._wanted) or self._resume_at is not None

    def want(self, key: bytes) -> None:
        """Ask for a person's latest score; without one so far there is nothing to find."""
        if key in self._latest:
            self._wanted.add(key)

    def takes(self, key: bytes, offset: int, *, erased: bool) -> bool:
        """Note a record that was read.

        Returns:
            Whether it is news: read for the first time, or the latest of a wanted person.
        """
        if self._resume_at is not None and offset < self._resume_at:
            if key not in self._seeking or self._latest.get(key) != offset:
                return False
            self._seeking.discard(key)
            return True
        if erased:
            self._latest.pop(key, None)
        else:
            self._latest[key] = offset
        self._wanted.discard(key)
        return True

    def next_offset(self, position: int) -> int | None:
        """Where reading should go on, given where it would: None where it would.

        A look back starts at the earliest wanted score, and ends when all are found or the
        place it started from is reached again: compaction may have taken a score away, and
        then a later one follows.
        """
        if self._resume_at is not None:
            if self._seeking and position < self._resume_at:
                return None
            resume_at, self._resume_at = self._resume_at, None
            self._seeking.clear()
            if not self._wanted:
                return resume_at if position < resume_at else None
            position = max(position, resume_at)
        return self._begin(position)

    def _begin(self, position: int) -> int | None:
        offsets = [self._latest[key] for key in self._wanted]
        if not offsets:
            return None
        self._seeking, self._wanted = self._wanted, set()
        self._resume_at = position
        return min(offsets)
