"""Whether two systems given the same events came to the same scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline import topics
from pipeline.codec.encode import decode_record
from pipeline.codec.registry import SchemaRegistry
from pipeline.dev.bench.broker import read_all
from pipeline.errors import SesameError
from pipeline.settings import Settings

_OWN = ("as_of", "computed_at", "sequence")
"""Fields that depend on when something was published, not on what."""
_SHOWN = 3

Scores = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Checked:
    """People whose scores were compared, and how many of them have one."""

    people: int
    scored: int


class DifferentScoresError(SesameError):
    """Two systems disagree, so comparing their speed would mean nothing."""


def final_scores(settings: Settings, registry: SchemaRegistry) -> dict[str, dict[str, Any]]:
    """Everybody's newest score record, without when it was made; nobody who was erased."""
    newest: dict[str, bytes | None] = {}
    for message in read_all(settings, [topics.SCORES.name]):
        newest[str((message.key() or b"").decode())] = message.value()
    return {
        user: {k: v for k, v in decode_record(value, registry).items() if k not in _OWN}
        for user, value in newest.items()
        if value is not None
    }


def same_scores(ours: Scores, theirs: Scores) -> Checked:
    """Compare everybody.

    Raises:
        DifferentScoresError: Anybody's record differs, or only one system has it.
    """
    differing = [u for u in sorted({*ours, *theirs}) if ours.get(u) != theirs.get(u)]
    if differing or not ours:
        examples = [f"{u}:\n  {ours.get(u)}\n  {theirs.get(u)}" for u in differing[:_SHOWN]]
        raise DifferentScoresError(
            f"scores of {len(differing)} of {len({*ours, *theirs})} people differ:\n"
            + "\n".join(examples)
        )
    return Checked(len(ours), sum(record["score"] is not None for record in ours.values()))
