"""The partner registry: who may see what, from which score, for which purpose.

Loaded from `deploy/partners.toml` and checked as a whole: a file with one wrong field
registers nobody.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from pipeline.errors import RefusedError
from pipeline.partners.vocabulary import Disclosure, Fallback, LegalBasis, Purpose

SCORE_MIN = 350
SCORE_MAX = 950

PartnerId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,47}$")]
"""Part of topic names, so lower case and without dots."""


class PartnerRegistryError(RefusedError):
    """The registry is wrong, or does not name who was asked for; one problem a line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Policy:
    """What one partner may do for one purpose.

    ``threshold`` is the lowest score that is admitted; ``disclosure`` the most the partner
    may see for it, whatever a person grants; ``fallback`` the way on for everyone else.
    """

    partner_id: str
    partner_name: str
    purpose: Purpose
    threshold: int
    disclosure: Disclosure
    fallback: Fallback


class _Checked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PurposeTerms(_Checked):
    """The terms of one purpose of a partner."""

    threshold: int = Field(ge=SCORE_MIN, le=SCORE_MAX, strict=True)
    disclosure: Disclosure | None = None
    """The most for this purpose; none is the partner's. It may not show more than that."""


class Partner(_Checked):
    """One partner's entry."""

    name: str = Field(min_length=1, max_length=100)
    disclosure: Disclosure
    fallback: Fallback
    legal_basis: LegalBasis
    purposes: dict[Purpose, PurposeTerms] = Field(min_length=1)

    def disclosure_for(self, purpose: Purpose) -> Disclosure:
        """The most that may be shown for one of its purposes."""
        own = self.purposes[purpose].disclosure
        return self.disclosure if own is None else own.at_most(self.disclosure)


class Registry(_Checked):
    """All partners by id."""

    partners: dict[PartnerId, Partner] = Field(min_length=1)

    def policies(self, partner_id: str) -> dict[str, Policy]:
        """The terms of every purpose of a partner.

        Raises:
            PartnerRegistryError: It is not registered.
        """
        purposes = self._partner(partner_id).purposes
        return {purpose: self.policy(partner_id, purpose) for purpose in purposes}

    def policy(self, partner_id: str, purpose: Purpose | str | None = None) -> Policy:
        """The terms one partner works on.

        Args:
            partner_id: As in the registry.
            purpose: May be left out where the partner has only one.

        Raises:
            PartnerRegistryError: The partner or its purpose is not registered, or several are
                and none was named.
        """
        partner = self._partner(partner_id)
        named = purpose or _only(partner_id, partner)
        if named not in partner.purposes:
            has = ", ".join(partner.purposes)
            raise PartnerRegistryError(
                [f"partner {partner_id} has no purpose {named}; it has: {has}"]
            )
        known = Purpose(named)
        return Policy(
            partner_id=partner_id,
            partner_name=partner.name,
            purpose=known,
            threshold=partner.purposes[known].threshold,
            disclosure=partner.disclosure_for(known),
            fallback=partner.fallback,
        )

    def _partner(self, partner_id: str) -> Partner:
        partner = self.partners.get(partner_id)
        if partner is None:
            known = ", ".join(sorted(self.partners))
            raise PartnerRegistryError(
                [f"partner {partner_id} is not registered; there are: {known}"]
            )
        return partner


def load_registry(path: Path) -> Registry:
    """Read and check the registry.

    Raises:
        PartnerRegistryError: The file is missing, no TOML, or wrong in at least one field; every
            problem names the file, the partner and the field.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PartnerRegistryError([f"{path}: cannot be read: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PartnerRegistryError([f"{path}: is not TOML: {error}"]) from error
    try:
        registry = Registry.model_validate(document)
    except ValidationError as error:
        raise PartnerRegistryError(
            [_problem(path, details) for details in error.errors()]
        ) from None
    excesses = list(_excesses(path, registry))
    if excesses:
        raise PartnerRegistryError(excesses)
    return registry


def _excesses(path: Path, registry: Registry) -> Iterator[str]:
    """Purposes that would show more than their partner may see."""
    for partner_id, partner in registry.partners.items():
        for purpose, terms in partner.purposes.items():
            own = terms.disclosure
            if own is not None and own.rank > partner.disclosure.rank:
                yield (
                    f"{path}: partner {partner_id}: purposes.{purpose}.disclosure: {str(own)!r} "
                    f"shows more than the partner's {str(partner.disclosure)!r}"
                )


def _only(partner_id: str, partner: Partner) -> Purpose:
    if len(partner.purposes) > 1:
        has = ", ".join(partner.purposes)
        raise PartnerRegistryError(
            [f"partner {partner_id} has several purposes, name one of: {has}"]
        )
    return next(iter(partner.purposes))


def _problem(path: Path, details: ErrorDetails) -> str:
    where = [str(part) for part in details["loc"] if part != "[key]"]
    if where[:1] == ["partners"] and len(where) > 1:
        field = ".".join(where[2:]) or "id"
        place = f"{path}: partner {where[1]}: {field}"
    else:
        place = f"{path}: {'.'.join(where)}"
    return f"{place}: {_wrong(details)}"


def _wrong(details: ErrorDetails) -> str:
    given: Any = details["input"]
    match details["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return "is no field of the registry"
        case "enum":
            return f"{given!r} is not allowed, must be one of {details['ctx']['expected']}"
        case "string_pattern_mismatch":
            return f"{given!r} must be 1-48 lower-case letters, digits and dashes"
        case _:
            return f"{given!r}: {details['msg']}"
