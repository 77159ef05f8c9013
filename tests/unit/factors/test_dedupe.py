import numpy as np

from pipeline.factors import dedupe
from pipeline.factors.months import SECOND_MAX


def test_an_entry_holds_every_32_bit_second_and_40_bits_of_hash() -> None:
    entries = dedupe.entries_of(np.array([SECOND_MAX, 0]), np.array([2**64 - 1, 5], np.uint64))
    assert entries.tolist() == [2**64 - 1, 5]
    assert dedupe.entry_of(SECOND_MAX, 2**40 - 1) == 2**64 - 1


def test_newer_entries_are_larger_whatever_their_hash() -> None:
    assert dedupe.entry_of(256, 1) > dedupe.entry_of(255, 2**40 - 1)


def test_a_memory_keeps_the_largest_entries_in_descending_order() -> None:
    rng = np.random.default_rng(1)
    memory = np.zeros((4, 5), np.uint64)
    memory[2] = [900, 800, 700, 0, 0]
    user = np.sort(rng.integers(0, 4, 200))
    user = user[user != 1]
    entries = rng.permutation(np.arange(1, 600, dtype=np.uint64))[: len(user)]
    expected = [
        sorted([*entries[user == u].tolist(), *memory[u].tolist()], reverse=True)[:5]
        for u in range(4)
    ]
    dedupe.remember(memory, user, entries)
    assert memory.tolist() == expected
    assert expected[1] == [0] * 5


def test_people_with_an_id_twice_are_found_in_the_batch_and_in_memory() -> None:
    memory = np.zeros((4, 2), np.uint64)
    memory[3, 1] = dedupe.entry_of(1_700_000_000, 77)
    user = np.array([0, 0, 1, 2, 3])
    hashes = np.array([5, 5, 5, 6, 77], np.uint64)
    assert dedupe.may_repeat(memory, user, hashes).tolist() == [True, False, False, True]
