"""The partner registry as the gateway looks things up in it, and how it is exchanged."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.columns import Bool, UInt8
from pipeline.gateway.vocabulary import PURPOSE_CODES, PURPOSES
from pipeline.partners.registry import Policy, Registry


@dataclass(frozen=True, slots=True)
class Terms:
    """Who may see what for what, and from which score on."""

    policies: Mapping[tuple[str, str], Policy]

    @classmethod
    def of(cls, registry: Registry) -> "Terms":
        """The terms of a registry that was checked at load."""
        return cls(
            {
                (partner_id, str(purpose)): registry.policy(partner_id, purpose)
                for partner_id, partner in registry.partners.items()
                for purpose in partner.purposes
            }
        )

    def without(self, partner_ids: Collection[str]) -> "Terms":
        """These terms, as though some partners were not registered."""
        policies = {pair: p for pair, p in self.policies.items() if pair[0] not in partner_ids}
        return Terms(policies)

    @property
    def partner_ids(self) -> list[str]:
        """The registered partners, sorted."""
        return sorted({partner_id for partner_id, _ in self.policies})


class TermsBox:
    """The terms in force; they are exchanged as a whole, under a new version."""

    def __init__(self, terms: Terms) -> None:
        """Begin with version 1."""
        self._held = (1, terms)

    @property
    def current(self) -> Terms:
        """The terms in force."""
        return self._held[1]

    @property
    def version(self) -> int:
        """Goes up with each exchange."""
        return self._held[0]

    def replace(self, terms: Terms) -> None:
        """Put other terms in force."""
        self._held = (self._held[0] + 1, terms)


class PolicyTable:
    """Terms by one partition's codes: arrays of shape (n_partners, n_purposes)."""

    def __init__(self, terms: Terms) -> None:
        """Look up nobody yet, see `cover`."""
        self.terms = terms
        self.registered: Bool = np.zeros((0, len(PURPOSES)), np.bool_)
        self.threshold: NDArray[np.uint16] = np.zeros((0, len(PURPOSES)), np.uint16)
        self.disclosure: UInt8 = np.zeros((0, len(PURPOSES)), np.uint8)

    def cover(self, partner_ids: Sequence[str]) -> None:
        """Know the policies of all partners with a code; codes are never given anew."""
        known = len(self.registered)
        if known == len(partner_ids):
            return
        shape = (len(partner_ids) - known, len(PURPOSES))
        registered, disclosure = np.zeros(shape, np.bool_), np.zeros(shape, np.uint8)
        threshold = np.zeros(shape, np.uint16)
        for at, partner_id in enumerate(partner_ids[known:]):
            for name, code in PURPOSE_CODES.items():
                policy = self.terms.policies.get((partner_id, name))
                if policy is not None:
                    registered[at, code] = True
                    threshold[at, code] = policy.threshold
                    disclosure[at, code] = policy.disclosure.rank
        self.registered = np.concatenate([self.registered, registered])
        self.threshold = np.concatenate([self.threshold, threshold])
        self.disclosure = np.concatenate([self.disclosure, disclosure])
