"""Records of a partner's scores topic off the wire, by column."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.codec import catalog
from pipeline.codec.checked import decode_checked
from pipeline.codec.decode import Poison
from pipeline.codec.layout import layout_of
from pipeline.codec.reasons import Reason
from pipeline.codec.registry import SchemaRegistry
from pipeline.partners.records import PartnerScore
from pipeline.partners.vocabulary import Admitted, Disclosure

_RECORD = "PartnerScore"


@dataclass(frozen=True, slots=True)
class Scores:
    """A batch, in its order: None where a record is no PartnerScore of this partner.

    ``problems`` says what is wrong with those, in any order.
    """

    seen: list[PartnerScore | None]
    problems: list[str]


def read_scores(
    keys: Sequence[bytes], values: Sequence[bytes], partner_id: str, registry: SchemaRegistry
) -> Scores:
    """Decode a batch of records, none of which takes anything back.

    Args:
        keys: The records' keys; each has to be its record's subject.
        values: The records' values in the wire format, as many.
        partner_id: Whom they have to be for.
        registry: Knows the values' schemas.

    Raises:
        RegistryError: The registry cannot answer, which is no fault of the records.
    """
    # The gateway's own records: they are read, not held to rules.
    good = decode_checked(_RECORD, keys, values, registry, lambda _: {}, key_field="subject")
    seen: list[PartnerScore | None] = [None] * len(values)
    problems = [_told(poison) for poison in good.poison]
    spell = _Spelling()
    for at, row in zip(good.kept.tolist(), good.columns.batch.to_pylist(), strict=True):
        if row["partner_id"] == partner_id:
            seen[at] = spell.score(row)
        else:
            problems.append(f"it is for {row['partner_id']}")
    return Scores(seen, problems)


def _told(poison: Poison) -> str:
    """What is wrong, without naming anybody."""
    if poison.reason is Reason.KEY_MISMATCH:
        return "the key is not the subject"
    return poison.error


class _Spelling:
    """Enums by their codes, as a column holds them."""

    def __init__(self) -> None:
        fields = layout_of(catalog.current(_RECORD).avro).fields
        symbols = {field.name: field.symbols for field in fields}
        self._disclosures = [Disclosure(symbol) for symbol in symbols["disclosure"]]
        self._admitted = [Admitted(symbol) for symbol in symbols["admitted"]]
        self._bands = symbols["band"]

    def score(self, row: dict[str, Any]) -> PartnerScore:
        """A row as a value."""
        band = row["band"]
        return PartnerScore(
            subject=row["subject"],
            partner_id=row["partner_id"],
            purpose=row["purpose"],
            disclosure=self._disclosures[row["disclosure"]],
            admitted=self._admitted[row["admitted"]],
            band=None if band is None else self._bands[band],
            score=row["score"],
            threshold=row["threshold"],
            reasons=tuple(row["reasons"]),
            model=row["model"],
            as_of_ms=row["as_of"],
            grant_expires_at_ms=row["grant_expires_at"],
            sequence=row["sequence"],
        )
