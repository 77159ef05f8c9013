"""Subjects: the names partners know people by, made and told apart with secret keys.

    subject = base32( tag 16 bytes | routed 4 bytes | check 5 bytes )

    tag     keyed hash of partner, purpose and person
    routed  the person's murmur2 hash, masked by a keyed hash of the tag
    check   keyed hash of both

Whoever has the key can tell from a subject that it was made with it and which partition the
person lives in, and nobody else anything at all.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.codec.murmur import murmur2_all
from pipeline.factors.columns import UInt8

KEY_CHARACTERS_MIN = 32
SUBJECT_CHARACTERS = 40
Subjects = NDArray[np.bytes_]
"""Shape (n,), dtype S40."""

_TAG, _ROUTED, _CHECK = 16, 4, 5
_SUBJECT_BYTES = _TAG + _ROUTED + _CHECK
_ALPHABET = b"abcdefghijklmnopqrstuvwxyz234567"
_LETTERS: UInt8 = np.frombuffer(_ALPHABET, np.uint8)
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_FIVE_BITS: UInt8 = np.array([16, 8, 4, 2, 1], np.uint8)


class _Hash(Protocol):
    def copy(self) -> "_Hash": ...
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class PseudonymKey:
    """One secret, and what is made with it."""

    def __init__(self, secret: str) -> None:
        key = hashlib.blake2b(secret.encode(), digest_size=32, person=b"sesame-key").digest()
        # Keyed once: a copy of the started hash saves half of the work a subject takes.
        self._tag: _Hash = hashlib.blake2b(key=key, person=b"subject", digest_size=_TAG)
        self._route: _Hash = hashlib.blake2b(key=key, person=b"route", digest_size=_ROUTED)
        self._check: _Hash = hashlib.blake2b(key=key, person=b"check", digest_size=_CHECK)
        named = hashlib.blake2b(key=key, person=b"name", digest_size=4).digest()
        self.fingerprint = int.from_bytes(named, "little") or 1
        """Tells keys apart without telling them; never 0."""

    def subjects(self, users: Sequence[str], partner_id: str, purpose: str) -> Subjects:
        """What one partner knows people by, for one purpose; shape (n_users,)."""
        if not users:
            return np.zeros(0, f"S{SUBJECT_CHARACTERS}")
        base = self._tag.copy()
        base.update(f"{partner_id}\0{purpose}\0".encode())
        names = [user.encode() for user in users]
        tags = [_digest(base, name) for name in names]
        masks = np.frombuffer(b"".join([_digest(self._route, tag) for tag in tags]), "<u4")
        routed = (murmur2_all(names) ^ masks).astype("<u4").tobytes()
        bodies = [tag + routed[4 * i : 4 * i + 4] for i, tag in enumerate(tags)]
        return _base32(b"".join([body + _digest(self._check, body) for body in bodies]))

    def route(self, raw: bytes) -> int | None:
        """The person's murmur2 hash; None where this key did not make the subject."""
        body = raw[: _TAG + _ROUTED]
        if _digest(self._check, body) != raw[_TAG + _ROUTED :]:
            return None
        mask = int.from_bytes(_digest(self._route, body[:_TAG]), "little")
        return int.from_bytes(body[_TAG:], "little") ^ mask


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The key subjects are made with, and former ones they may have been made with."""

    current: PseudonymKey
    former: tuple[PseudonymKey, ...] = ()

    @classmethod
    def of(cls, secrets: Sequence[str]) -> "KeyRing":
        """A ring of secrets, the current one first.

        >>> KeyRing.of(["k" * 32]).subject("ann", "car-rental", "CAR_RENTAL_DEPOSIT")
        '5tf3mbtijugdfrsekvi6x5y7tgjod4fqggndodqa'
        """
        first, *others = (PseudonymKey(secret) for secret in secrets)
        return cls(first, tuple(others))

    def subject(self, user: str, partner_id: str, purpose: str) -> str:
        """What one partner knows a person by, for one purpose."""
        (subject,) = self.current.subjects([user], partner_id, purpose).tolist()
        return str(subject, "ascii")

    def route(self, subject: str) -> int | None:
        """The murmur2 hash of a subject's person; None for what none of the keys made."""
        raw = _raw(subject)
        if raw is None:
            return None
        routes = (key.route(raw) for key in (self.current, *self.former))
        return next((route for route in routes if route is not None), None)


def _digest(base: _Hash, data: bytes) -> bytes:
    started = base.copy()
    started.update(data)
    return started.digest()


def _base32(raw: bytes) -> Subjects:
    """RFC 4648 in lower case; 25 bytes are 40 letters without padding."""
    bits = np.unpackbits(np.frombuffer(raw, np.uint8)).reshape(-1, SUBJECT_CHARACTERS, 5)
    letters = _LETTERS[bits @ _FIVE_BITS]
    subjects: Subjects = letters.reshape(-1).view(f"S{SUBJECT_CHARACTERS}")
    return subjects


def _raw(subject: str) -> bytes | None:
    if len(subject) != SUBJECT_CHARACTERS or not subject.isascii():
        return None
    number = 0
    for letter in subject.encode():
        value = _VALUES.get(letter)
        if value is None:
            return None
        number = number << 5 | value
    return number.to_bytes(_SUBJECT_BYTES, "big")
