"""The Confluent wire format: magic byte 0, four-byte big-endian schema id, Avro body."""

MAGIC = 0
HEADER_BYTES = 5


class WireFormatError(ValueError):
    """A value that is not in the wire format."""


def header(schema_id: int) -> bytes:
    r"""The five bytes ahead of a body written with schema ``schema_id``.

    >>> header(258)
    b'\x00\x00\x00\x01\x02'
    """
    return bytes([MAGIC]) + schema_id.to_bytes(4, "big")


def schema_id_of(value: bytes | None) -> int:
    """The schema id a value names.

    Raises:
        WireFormatError: The value is missing, too short or has another magic byte.
    """
    if value is None:
        raise WireFormatError("no value")
    if len(value) < HEADER_BYTES:
        raise WireFormatError(f"{len(value)} bytes, the header alone has {HEADER_BYTES}")
    if value[0] != MAGIC:
        raise WireFormatError(f"first byte is {value[0]}, not {MAGIC}")
    return int.from_bytes(value[1:HEADER_BYTES], "big")
