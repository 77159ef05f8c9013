"""Kafka's default partitioner for many keys at once: murmur2, vectorised."""

from collections.abc import Sequence

import numpy as np

from pipeline.factors.columns import Int32, Int64, UInt8, UInt32

_SEED = 0x9747B28C
_M = np.uint32(0x5BD1E995)
_R = np.uint32(24)
_WORD_BYTES = 4
_POSITIVE = 0x7FFF_FFFF


def murmur2_all(keys: Sequence[bytes]) -> UInt32:
    """Kafka's murmur2 of each key, as unsigned numbers, shape (n_keys,)."""
    hashes = np.empty(len(keys), np.uint32)
    lengths = np.fromiter(map(len, keys), np.int64, len(keys))
    data = np.frombuffer(b"".join(keys), np.uint8)
    starts = np.cumsum(lengths) - lengths
    for length in np.unique(lengths).tolist():
        alike = np.flatnonzero(lengths == length)
        hashes[alike] = _equally_long(data, starts[alike], length)
    return hashes


def partitions_of(hashes: UInt32, partitions: int) -> Int32:
    """The partition each hash belongs to, shape (n_hashes,)."""
    return ((hashes & np.uint32(_POSITIVE)) % np.uint32(partitions)).astype(np.int32)


def partition_of(key_hash: int, partitions: int) -> int:
    """The partition a key of this hash belongs to."""
    return (key_hash & _POSITIVE) % partitions


def _equally_long(data: UInt8, starts: Int64, length: int) -> UInt32:
    octets = data[starts[:, None] + np.arange(length)]
    whole = length // _WORD_BYTES
    words = np.ascontiguousarray(octets[:, : _WORD_BYTES * whole]).view("<u4")
    h = np.full(len(starts), _SEED ^ length, np.uint32)
    for word in range(whole):
        k = words[:, word] * _M
        h = h * _M ^ (k ^ k >> _R) * _M
    if length % _WORD_BYTES:
        h = (h ^ _little_endian(octets[:, _WORD_BYTES * whole :].astype(np.uint32))) * _M
    h = (h ^ h >> np.uint32(13)) * _M
    return h ^ h >> np.uint32(15)


def _little_endian(octets: UInt32) -> UInt32:
    number = octets[:, 0].copy()
    for at in range(1, octets.shape[1]):
        number |= octets[:, at] << np.uint32(8 * at)
    return number
