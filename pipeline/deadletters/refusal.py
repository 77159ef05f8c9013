"""How a refused record becomes a dead letter: the one place that lays its headers out."""

from dataclasses import dataclass

from pipeline import topics
from pipeline.codec.reasons import Reason
from pipeline.deadletters.letter import CUT, Header

_HEADERS_BYTES_MAX = 64 * 1024
_KEPT_BYTES_MAX = topics.DEAD_LETTER_BYTES_MAX - _HEADERS_BYTES_MAX
_ERROR_CHARACTERS_MAX = 1_000

Message = tuple[bytes | None, bytes | None, tuple[Header, ...]]
"""Key, value and headers of a record to write."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that could not be used, and where it lies; ``topic`` is with its prefix.

    ``carried`` are those of its headers that stay with it, see `letter.carried`.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    carried: tuple[Header, ...]


def dead_letter(refused: Refused, reason: Reason, error: str, failed_at_ms: int) -> Message:
    """What is written of a refused record: itself, where it was, and why it was refused."""
    key, value = refused.key, refused.value
    error = error[:_ERROR_CHARACTERS_MAX]
    size = len(key or b"") + len(value or b"")
    if size > _KEPT_BYTES_MAX:
        # Compressed it fitted into its own topic; here it may not.
        error = f"{error}; its {size} bytes are {CUT}"
        key, value = None, None
    headers = (
        ("dlq.topic", refused.topic.encode()),
        ("dlq.partition", str(refused.partition).encode()),
        ("dlq.offset", str(refused.offset).encode()),
        ("dlq.reason", str(reason).encode()),
        ("dlq.error", error.encode()),
        ("dlq.failed_at", str(failed_at_ms).encode()),
        *refused.carried,
    )
    return key, value, headers
