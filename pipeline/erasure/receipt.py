"""The receipt of an erasure: what was removed, what remains and until when.

It names nobody: the person and the keys are keyed hashes, with a salt of the receipt's own.
Whoever has it and the person's id can tell that it is about that person; without the id it is a
list of places. Its digest tells it from a receipt that was changed.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from pipeline.errors import RefusedError

VERSION = 1
_SALT_BYTES = 16
_KEY_BYTES = 16
_DIGEST_BYTES = 32


class Keeping(StrEnum):
    """Why something remains."""

    RETENTION = "retention"
    """A log that its topic's retention cuts off."""
    LEDGER = "ledger"
    """The consents: kept without end, as proof of what was granted and withdrawn."""
    MEMORY = "memory"
    """When the person left, kept by the gateway so that nothing decided before comes back."""
    OTHERS = "others"
    """Other people's own links to the person, theirs to remove."""
    GENERATION = "generation"
    """A generation of the state that is not the live one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """The consent record that ended it; ``occurred_at`` in ms, ``topic`` without prefix."""

    topic: str
    partition: int
    offset: int
    occurred_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One key of a compacted topic, which a tombstone removes; times in ms.

    ``records`` lay under the key when it was removed, older versions included; compaction
    takes them once the partition is written to after ``compacted_from``. The tombstone itself
    stands at least until ``tombstone_until``.
    """

    topic: str
    partition: int
    table: str
    key: str
    records: int
    tombstone: int
    tombstone_at: int
    compacted_from: int
    tombstone_until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Remainder:
    """What is not removed at once: so many records from offset ``first`` to ``last``.

    ``gone_by`` is the latest moment (ms) by which they are; None where there is none.
    ``key`` is None where records of other people name the person.
    """

    topic: str
    partition: int
    table: str
    keeping: Keeping
    key: str | None
    records: int
    first: int
    last: int
    gone_by: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """A topic that could not be looked at."""

    topic: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What was found when everything had been applied, at ``completed_at`` (ms)."""

    version: int
    salt: str
    person: str
    withdrawals: tuple[Withdrawal, ...]
    completed_at: int
    removed: tuple[Removal, ...]
    remaining: tuple[Remainder, ...]
    unseen: tuple[Unseen, ...]

    def is_of(self, user: str) -> bool:
        """Whether it is about a person."""
        return secrets.compare_digest(self.person, key_digest(self.salt, user.encode()))


_RECEIPT = TypeAdapter(Receipt)


def new_salt() -> str:
    """A salt of a receipt's own, in hex."""
    return secrets.token_hex(_SALT_BYTES)


def key_digest(salt: str, key: bytes) -> str:
    """What stands for a record's key in a receipt, in hex."""
    named = hashlib.blake2b(
        key, key=bytes.fromhex(salt), digest_size=_KEY_BYTES, person=b"sesame-key"
    )
    return named.hexdigest()


def encode(receipt: Receipt) -> dict[str, Any]:
    """A receipt as JSON has it, with its digest."""
    fields: dict[str, Any] = orjson.loads(orjson.dumps(asdict(receipt)))
    return fields | {"digest": _digest(fields)}


def decode(fields: Mapping[str, Any]) -> Receipt:
    """Read a receipt, or the output of the command that printed it.

    Raises:
        RefusedError: It is none, of another version, or was changed.
    """
    inner = fields.get("receipt", fields)
    if not isinstance(inner, dict) or "digest" not in inner:
        raise RefusedError("this is no receipt of an erasure")
    said = {name: value for name, value in inner.items() if name != "digest"}
    if said.get("version") != VERSION:
        raise RefusedError(f"a receipt of version {said.get('version')}; this program knows 1")
    if not secrets.compare_digest(str(inner["digest"]).encode(), _digest(said).encode()):
        raise RefusedError("the receipt was changed: its digest is of other contents")
    try:
        return _RECEIPT.validate_python(said)
    except ValidationError as error:
        places = ", ".join(".".join(map(str, each["loc"])) for each in error.errors())
        raise RefusedError(f"this is no receipt of an erasure: {places}") from error


def _digest(fields: Mapping[str, Any]) -> str:
    """BLAKE2b of the canonical JSON: keys in order, no spaces."""
    canonical = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
    digest = hashlib.blake2b(canonical, digest_size=_DIGEST_BYTES, person=b"sesame-receipt")
    return digest.hexdigest()
