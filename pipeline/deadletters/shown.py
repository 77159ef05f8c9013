"""A letter as it is shown: what decodes as a record, all else as harmless text."""

from typing import Any

from pipeline.codec.registry import RegistryError, SchemaRegistry
from pipeline.codec.wire import WireFormatError, schema_id_of
from pipeline.deadletters.letter import Earlier, Letter
from pipeline.deadletters.marks import Mark
from pipeline.deadletters.origin import read_fields
from pipeline.deadletters.policy import instant

PREVIEW_BYTES = 64


class Shower:
    """Describes letters; a registry that fails once is not asked again."""

    def __init__(self, registry: SchemaRegistry) -> None:
        """Decode with the schemas of ``registry``."""
        self._registry = registry
        self._failure: str | None = None

    def show(self, letter: Letter, mark: Mark | None) -> dict[str, Any]:
        """What there is to know of a letter, ready for JSON."""
        return {
            "letter": str(letter.place),
            "topic": letter.topic,
            "partition": letter.partition,
            "offset": letter.offset,
            "reason": letter.reason,
            "error": letter.error,
            "failed_at": instant(letter.failed_at_ms),
            "key": None if letter.key is None else letter.key.decode(errors="replace"),
            "value_bytes": letter.value_bytes,
            **self._value(letter),
            "headers": [[name, value.decode(errors="replace")] for name, value in letter.headers],
            "redriven": None if mark is None else _mark(mark),
            "came_back": None if letter.earlier is None else _earlier(letter.earlier),
        }

    def _value(self, letter: Letter) -> dict[str, Any]:
        fields = self._fields(letter)
        return {
            "kept": letter.is_kept,
            "schema_id": _schema_id(letter.value),
            "value": None if fields is None else harmless(fields),
            "preview": None if letter.value is None else repr(letter.value[:PREVIEW_BYTES])[2:-1],
            "decode_error": self._failure if fields is None else None,
        }

    def _fields(self, letter: Letter) -> dict[str, Any] | None:
        if not letter.is_whole or self._failure is not None:
            return None
        try:
            return read_fields(letter.value, self._registry)
        except RegistryError as error:
            self._failure = str(error)
            return None


def harmless(value: Any) -> Any:
    """A decoded value with nothing that JSON lacks; foreign schemas have bytes and such."""
    if isinstance(value, dict):
        return {str(key): harmless(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [harmless(item) for item in value]
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    return repr(value)


def printable(text: str) -> str:
    r"""A text without what would steer a terminal.

    >>> printable("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _schema_id(value: bytes | None) -> int | None:
    try:
        return schema_id_of(value)
    except WireFormatError:
        return None


def _mark(mark: Mark) -> dict[str, Any]:
    return {
        "at": instant(mark.at_ms),
        "count": mark.count,
        "topic": mark.topic,
        "partition": mark.partition,
        "offset": mark.offset,
        "fixed": mark.fixed,
        "forced": mark.forced,
    }


def _earlier(earlier: Earlier) -> dict[str, Any]:
    return {
        "letter": str(earlier.place),
        "count": earlier.count,
        "at": instant(earlier.at_ms),
        "chain": [str(place) for place in earlier.chain],
    }
