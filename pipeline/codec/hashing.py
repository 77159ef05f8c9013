"""Hashes of identifiers: xxh3_64, and never 0, which stands for none."""

from collections.abc import Iterable

import numpy as np
from xxhash import xxh3_64_digest

from pipeline.factors.columns import UInt64

EVENT_ID_BITS = 40
ACCOUNT_BITS = 32


def hash_all(identifiers: Iterable[bytes], bits: int = 64) -> UInt64:
    """The low ``bits`` of xxh3_64 of each identifier, shape (n,); 1 in place of 0."""
    digests = b"".join(map(xxh3_64_digest, identifiers))
    hashes = np.frombuffer(digests, ">u8").astype(np.uint64)
    hashes &= np.uint64((1 << bits) - 1)
    return np.maximum(hashes, np.uint64(1))


def within_partners(partners: Iterable[bytes], own: Iterable[bytes]) -> list[bytes]:
    r"""Identifiers that partners give, told apart from each other's.

    >>> within_partners([b"car-rental", b"microloan"], [b"1", b"1"])
    [b'car-rental\x001', b'microloan\x001']
    """
    return [partner + b"\0" + one for partner, one in zip(partners, own, strict=True)]


def hash_one(identifier: bytes, bits: int = 64) -> int:
    """As `hash_all`, of one identifier."""
    return int(hash_all([identifier], bits)[0])
