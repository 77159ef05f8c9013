"""How people lie in a database: a value each of both rows and the lists, under keys that sort.

    u<user>                 the person
    e<end, 8 bytes><user>   when the first of the person's consents ends, if one does
    o<user>                 the changelog holds something of the person in a former layout
    c                       the checkpoint

Layouts have no place in it: the checkpoint names those of all values.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.layout import FACTOR_ROW, LEDGER_ROW
from pipeline.factors.state import BatchState

PERSON = b"u"
ENDS = b"e"
OUTDATED = b"o"
CHECKPOINT = b"c"

_HEAD = np.dtype([("row", FACTOR_ROW), ("ledger", LEDGER_ROW), ("contracts", "<u4")])
_END_BYTES = 8
_NEVER = np.iinfo(np.int64).max


def key_of(user: str) -> bytes:
    """A person's key."""
    return PERSON + user.encode()


def end_key(end_ms: int, user: str) -> bytes:
    """The key that tells when a person's consent ends.

    >>> parsed_end(end_key(1_763_900_000_000, "ann"))
    (1763900000000, 'ann')
    """
    return ENDS + end_ms.to_bytes(_END_BYTES) + user.encode()


def parsed_end(key: bytes) -> tuple[int, str]:
    """What an `end_key` says."""
    return int.from_bytes(key[1 : 1 + _END_BYTES]), key[1 + _END_BYTES :].decode()


def ends_of(ledgers: NDArray[np.void]) -> list[int]:
    """When each person's first consent ends, in milliseconds; 0: none has an end.

    Args:
        ledgers: LEDGER_ROW, (n,).
    """
    ends = ledgers["consent_expires_ms"]
    first = np.where(ends > 0, ends, _NEVER).min(axis=1, initial=_NEVER)
    return [0 if end == _NEVER else end for end in first.tolist()]


def encode(state: BatchState) -> list[bytes]:
    """The value of each person."""
    heads = np.zeros(len(state.users), _HEAD)
    heads["row"], heads["ledger"] = state.rows, state.ledgers
    heads["contracts"] = [len(packed) for packed in state.contracts]
    raw, size = heads.tobytes(), _HEAD.itemsize
    return [
        raw[i * size : (i + 1) * size] + contracts + links
        for i, (contracts, links) in enumerate(zip(state.contracts, state.links, strict=True))
    ]


def decode(users: list[str], values: Sequence[bytes]) -> BatchState:
    """People from their values."""
    size = _HEAD.itemsize
    heads = np.frombuffer(b"".join([value[:size] for value in values]), _HEAD)
    contracts, links = [b""] * len(values), [b""] * len(values)
    for i, value in enumerate(values):
        if len(value) > size:
            border = size + int(heads["contracts"][i])
            contracts[i], links[i] = value[size:border], value[border:]
    return BatchState(users, heads["row"], heads["ledger"], contracts, links)
