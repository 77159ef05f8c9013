import pytest

from pipeline.codec.wire import WireFormatError, header, schema_id_of


def test_the_header_is_magic_byte_and_big_endian_id() -> None:
    assert header(0x01020304) == b"\x00\x01\x02\x03\x04"


def test_the_id_is_read_back_from_a_value() -> None:
    assert schema_id_of(b"\x00\x00\x00\x01\x00body") == 256


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (None, "no value"),
        (b"", "0 bytes, the header alone has 5"),
        (b"\x00\x00\x00\x01", "4 bytes, the header alone has 5"),
        (b'{"user_id": "ann"}', "first byte is 123, not 0"),
    ],
)
def test_a_value_in_another_format_is_told_apart(value: bytes | None, error: str) -> None:
    with pytest.raises(WireFormatError, match=error):
        schema_id_of(value)
