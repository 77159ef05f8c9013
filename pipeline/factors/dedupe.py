"""A bounded memory of event ids per person and topic, so that a producer's repeat is dropped.

An entry is ``(second >> 8) << 40 | id hash``: the time in ticks of 256 s (24 bits hold all
32-bit seconds) and the low 40 bits of the id's hash. A memory holds the largest distinct
entries, descending, 0 for none: the ids of the newest events. A repeat is recognised by
the hash alone, as long as fewer newer events than the memory is long have come since.
Two ids of one person that share 40 bits would be taken for one: with 12 entries that is 1
in 9e10 events.
"""

import numpy as np

from pipeline.factors.columns import Bool, Int64, UInt64

HASH_BITS = 40
HASH_MASK = (1 << HASH_BITS) - 1
_TICK_SHIFT = 8
_HASH_MASK_U64 = np.uint64(HASH_MASK)


def entries_of(second: Int64, id_hash: UInt64) -> UInt64:
    """Memory entries (n,) of events."""
    ticks = (second >> _TICK_SHIFT).astype(np.uint64)
    return (ticks << np.uint64(HASH_BITS)) | (id_hash & _HASH_MASK_U64)


def entry_of(second: int, id_hash: int) -> int:
    """``entries_of`` for one event."""
    return (second >> _TICK_SHIFT) << HASH_BITS | (id_hash & HASH_MASK)


def may_repeat(memory: UInt64, user: Int64, id_hash: UInt64) -> Bool:
    """Who among the people (n_users,) has an id twice: in the events or in memory too."""
    repeats = np.zeros(len(memory), np.bool_)
    hashes = id_hash & _HASH_MASK_U64
    # An entry a row: whole rows compare and join quicker than a dozen entries at a time.
    known = (memory & _HASH_MASK_U64).T.take(user, axis=1) == hashes
    repeats[user[np.logical_or.reduce(known, axis=0)]] = True
    # 24 bits of user index: no batch holds 16 million people
    keys = np.sort((user.astype(np.uint64) << np.uint64(HASH_BITS)) | hashes)
    twice = keys[1:][keys[1:] == keys[:-1]]
    repeats[(twice >> np.uint64(HASH_BITS)).astype(np.int64)] = True
    return repeats


def remember(memory: UInt64, user: Int64, entries: UInt64) -> None:
    """Merge entries not yet in memory into their users' memories, in place.

    Keeping the largest is associative, so blocks of a memory's length are merged one
    after the other: the work stays proportional to the events however they are spread.

    Args:
        memory: (n_users, length), rows descending.
        user: Indexes (n,) into ``memory``, ascending.
        entries: Entries (n,), distinct within a user and not in memory.
    """
    length = memory.shape[1]
    if not len(user):
        return
    first = np.ones(len(user), np.bool_)
    np.not_equal(user[1:], user[:-1], out=first[1:])
    bounds = np.concatenate((first.nonzero()[0], (len(user),)))
    starts, counts = bounds[:-1], bounds[1:] - bounds[:-1]
    people = user[starts]
    rank = np.arange(len(user)) - np.repeat(starts, counts)
    place = np.repeat(np.arange(len(people)), counts)
    for low in range(0, int(counts.max()), length):
        width = min(length, int(counts.max()) - low)
        some = (counts > low).nonzero()[0]
        position = np.empty(len(people), np.int64)
        position[some] = np.arange(len(some))
        block = np.zeros((len(some), length + width), np.uint64)
        block[:, :length] = memory[people[some]]
        chosen = (rank >= low) & (rank < low + width)
        block[position[place[chosen]], length + rank[chosen] - low] = entries[chosen]
        block.sort(axis=1)
        memory[people[some]] = block[:, : width - 1 : -1]
