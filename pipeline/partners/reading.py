"""Records of a partner's scores topic off the wire, as changes of its view."""

from pipeline.codec.partner_reads import decode_partner_score
from pipeline.codec.registry import SchemaRegistry, UnknownSchemaError
from pipeline.codec.translate import DecodeError
from pipeline.codec.wire import WireFormatError
from pipeline.partners.records import PartnerScore
from pipeline.partners.vocabulary import Admitted, Disclosure


class UnreadableError(ValueError):
    """A record that is no PartnerScore of this partner."""


def read_score(key: bytes, value: bytes, partner_id: str, registry: SchemaRegistry) -> PartnerScore:
    """Decode one record.

    Raises:
        UnreadableError: It does not decode, or is not this partner's or not its key's.
        RegistryError: The registry cannot answer, which is no fault of the record.
    """
    try:
        fields = decode_partner_score(value, registry)
        seen = PartnerScore(
            subject=fields["subject"],
            partner_id=fields["partner_id"],
            purpose=fields["purpose"],
            disclosure=Disclosure(fields["disclosure"]),
            admitted=Admitted(fields["admitted"]),
            band=fields["band"],
            score=fields["score"],
            threshold=fields["threshold"],
            reasons=tuple(fields["reasons"]),
            model=fields["model"],
            as_of_ms=fields["as_of"],
            grant_expires_at_ms=fields["grant_expires_at"],
            sequence=fields["sequence"],
        )
    except (WireFormatError, UnknownSchemaError, DecodeError) as error:
        raise UnreadableError(str(error)) from error
    except ValueError as error:  # an enum's symbol that is not known here
        raise UnreadableError(f"no PartnerScore: {error}") from error
    if seen.subject.encode() != key:
        raise UnreadableError("the key is not the subject")
    if seen.partner_id != partner_id:
        raise UnreadableError(f"it is for {seen.partner_id}")
    return seen
