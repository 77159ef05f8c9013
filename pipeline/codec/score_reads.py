"""Scores by column for those who share them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.codec.checked import without_broken
from pipeline.codec.columns import Columns
from pipeline.codec.decode import Poison, decode_columns
from pipeline.codec.field_rules import (
    GIVEN_BEFORE_MS,
    NAME_CHARS_MAX,
    Rules,
    mark,
    text,
    time,
    within,
)
from pipeline.codec.lists import Items
from pipeline.codec.names import NO_NAME, Names, names_of
from pipeline.codec.registry import SchemaRegistry
from pipeline.codec.resolve import Faults
from pipeline.factors.columns import Bool, Int32, Int64, UInt8
from pipeline.scoring.bands import NO_BAND, SCORE_MAX, SCORE_MIN
from pipeline.scoring.reasons import REASONS_MAX
from pipeline.scoring.scorecard import NO_SCORE
from pipeline.topics import SCORES

_SCORED = 0
"""Position in Avro's ScoreStatus."""
_COUNT_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ScoreReads:
    """The good scores of a batch, in the order given.

    Columns have shape (n_kept,), ``reasons`` (n_kept, 4); ``kept`` are positions among the
    values given, ascending; ``poison`` has the others, by position.
    """

    kept: Int64
    users: list[str]
    scored: Bool  # else a thin file, without score, band and mostly reasons
    score: Int32  # NO_SCORE: none
    band: UInt8  # Band; NO_BAND: none
    reasons: Int32  # position in reason_names, largest loss first; NO_NAME: no further one
    reason_names: Sequence[str]
    models: Names
    as_of_ms: Int64
    sequence: Int64  # number of the person's publication
    poison: list[Poison]

    def __len__(self) -> int:
        """The number of good scores."""
        return len(self.users)


def decode_scores(values: Sequence[bytes | None], registry: SchemaRegistry) -> ScoreReads:
    """Decode a batch of `scores` or `score-changes`, every value kept or named as poison.

    Args:
        values: Values in the wire format. None, which tells that a person was erased, is no
            score and so is poison here.
        registry: Knows the values' schemas.

    Raises:
        RegistryError: The registry cannot answer, which is no fault of the values.
    """
    read = decode_columns(str(SCORES.record), list(values), registry)
    good = without_broken(read, _RULES.find_broken(read.columns), {})
    columns = good.columns
    reasons, reason_names = _reasons(columns)
    return ScoreReads(
        kept=good.kept,
        users=columns.batch.column("user_id").to_pylist(),
        scored=columns.longs("status") == _SCORED,
        score=columns.longs_or("score", NO_SCORE).astype(np.int32),
        band=columns.longs_or("band", NO_BAND).astype(np.uint8),
        reasons=reasons,
        reason_names=reason_names,
        models=names_of(columns.batch.column("model")),
        as_of_ms=columns.longs("as_of"),
        sequence=columns.longs("sequence"),
        poison=good.poison,
    )


def _reasons(columns: Columns) -> tuple[Int32, Sequence[str]]:
    lists = Items(columns.batch.column("reasons"))
    given = names_of(lists.texts)
    codes: NDArray[np.int32] = np.full((len(columns), REASONS_MAX), NO_NAME, np.int32)
    # Row by row from the left, as the items lie.
    codes[np.arange(REASONS_MAX) < lists.counts[:, None]] = given.codes
    return codes, given.names


def _scored_or_thin(columns: Columns, faults: Faults) -> None:
    """A score and a band with SCORED, and only with it."""
    scored = columns.longs("status") == _SCORED
    for name in ("score", "band"):
        given = columns.valid_or_all(name)
        mark(scored & ~given, f"{name} is missing with status SCORED", faults)
        mark(given & ~scored, f"{name} is given without status SCORED", faults)


def _few_reasons(columns: Columns, faults: Faults) -> None:
    counts = Items(columns.batch.column("reasons")).counts
    mark(counts > REASONS_MAX, f"reasons are more than {REASONS_MAX}", faults)


_RULES = Rules(
    text("user_id", NAME_CHARS_MAX),
    _scored_or_thin,
    within("score", SCORE_MIN, SCORE_MAX),
    _few_reasons,
    text("model", NAME_CHARS_MAX),
    time("as_of", 0, GIVEN_BEFORE_MS),
    within("sequence", 0, _COUNT_MAX),
)
