"""People who each granted something to two partners, and their consents."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline import topics
from pipeline.codec.encode import encode_columns
from pipeline.codec.registry import SchemaRegistry
from pipeline.dev.bench.workload import END_MS
from pipeline.dev.simulator.bad import Sent
from pipeline.dev.simulator.consents import NOTICES, PARTNERS, PURPOSES
from pipeline.factors.columns import Bool, UInt8
from pipeline.factors.vocabulary import ConsentAction, Scope

EXPIRES_MS = 3_786_912_000_000
"""1 January 2090, when those grants end that do: on no day of a measurement."""
DISCLOSURES = ("ADMIT", "BAND", "SCORE")
"""In the order of their codes."""
CONSENTS_EACH = 1 + len(PARTNERS)
"""Enrolment and a grant for each partner."""
_SHARES = (0.5, 0.3, 0.2)
_EXPIRES_SHARE = 0.3
_PEOPLE_A_CHUNK = 10_000
_NULL = -1


@dataclass(frozen=True, slots=True)
class Grants:
    """What people granted one partner; both columns of shape (n_people,)."""

    partner_id: str
    purpose: str
    disclosure: UInt8  # a code of DISCLOSURES
    expires: Bool  # at EXPIRES_MS; else never


@dataclass(frozen=True, slots=True)
class People:
    """So many people, by name, and their grants, a partner after the other."""

    users: list[str]
    grants: tuple[Grants, ...]

    def __len__(self) -> int:
        """The number of people."""
        return len(self.users)

    @property
    def consents(self) -> int:
        """The number of their consents."""
        return CONSENTS_EACH * len(self)

    def records(self, registry: SchemaRegistry) -> Iterator[Sent]:
        """Everybody's consents, a person after the other, as a page would send them."""
        schema_id = registry.id_of(topics.CONSENTS.subject)
        for start in range(0, len(self), _PEOPLE_A_CHUNK):
            part = slice(start, start + _PEOPLE_A_CHUNK)
            values = encode_columns("Consent", self._columns(part), schema_id)
            keys = (user.encode() for user in self.users[part] for _ in range(CONSENTS_EACH))
            for key, value in zip(keys, values, strict=True):
                yield Sent(topics.CONSENTS, key, value)

    def _columns(self, part: slice) -> dict[str, pa.Array]:
        users = pa.array(self.users[part], pa.string())
        n = len(users)
        step = np.tile(np.arange(CONSENTS_EACH), n)
        expires = _interleaved([np.zeros(n, np.bool_)] + [g.expires[part] for g in self.grants])
        disclosure = _interleaved([np.full(n, _NULL)] + [g.disclosure[part] for g in self.grants])
        scope = np.where(step == 0, Scope.SCORING.value, Scope.PARTNER.value)
        first = part.start * CONSENTS_EACH
        return {
            "event_id": pa.array([f"consent-{first + i:x}" for i in range(len(step))]),
            "user_id": users.take(pa.array(np.repeat(np.arange(n), CONSENTS_EACH))),
            "occurred_at": pa.array(END_MS + step),
            "action": pa.array(np.full(len(step), ConsentAction.GRANT.value, np.int64)),
            "scope": pa.array(scope.astype(np.int64)),
            "partner_id": _named(PARTNERS, step),
            "purpose": _named(PURPOSES, step),
            "disclosure": pa.array(disclosure.astype(np.int64), mask=disclosure == _NULL),
            "expires_at": pa.array(np.full(len(step), EXPIRES_MS), mask=~expires.astype(np.bool_)),
            "notice_version": pa.repeat(pa.scalar(NOTICES[0]), len(step)),
        }


def draw(people: int, seed: int) -> People:
    """So many people; equal arguments give equal people."""
    rng = np.random.default_rng((seed, people))
    grants = tuple(
        Grants(
            partner_id=partner_id,
            purpose=purpose,
            disclosure=rng.choice(len(DISCLOSURES), people, p=_SHARES).astype(np.uint8),
            expires=rng.random(people) < _EXPIRES_SHARE,
        )
        for partner_id, purpose in zip(PARTNERS, PURPOSES, strict=True)
    )
    return People([f"person-{seed}-{number}" for number in range(people)], grants)


def _interleaved(columns: list[np.ndarray]) -> np.ndarray:
    """A person's values one after the other: (n,) columns as one of (n * columns,)."""
    return np.stack(columns, axis=1).ravel()


def _named(names: tuple[str, ...], step: np.ndarray) -> pa.Array:
    """Each grant's name; null for the enrolment, step 0."""
    return pa.array(names, pa.string()).take(pa.array(step - 1, mask=step == 0))
