"""Random scorecards over every characteristic."""

import random

from pipeline.factors.characteristics import CHARACTERISTICS
from pipeline.scoring.attributes import ScoredCharacteristic
from pipeline.scoring.content import ModelContent
from pipeline.scoring.model import Model
from pipeline.scoring.reasons import Reason
from pipeline.scoring.scaling import Scaling

EDGES = {
    "share": (0.1001, 0.5001, 0.9001),
    "index": (0.3001, 0.6001),
    "ratio": (0.5001, 2.0001),
    "bucket": (1.0, 2.0, 3.0, 4.0),
    "count": (1.0, 2.0, 5.0),
    "months": (1.0, 6.0, 12.0, 36.0),
    "minor units": (1.0, 50_000.0, 10.0**9),
    "points": (500.0, 600.0),
}


def card(seed: int) -> Model:
    """A model with points at random between 0 and 20."""
    rng = random.Random(seed)
    lines = []
    for each in sorted(CHARACTERISTICS, key=lambda each: each.factor):
        points = [rng.randint(0, 20) for _ in range(len(EDGES[each.unit]) + 1)]
        unknown = rng.randint(0, 20)
        lines.append(
            ScoredCharacteristic(
                name=each.name,
                factor=each.factor,
                edges=EDGES[each.unit],
                points=tuple(points),
                missing_points=unknown,
                neutral_points=rng.randint(min(*points, unknown), max(*points, unknown)),
                missing_label="unknown",
                reason=each.name.upper(),
                missing_reason=f"NO_{each.name.upper()}",
            )
        )
    codes = [code for line in lines for code in (line.reason, line.missing_reason)]
    content = ModelContent(
        id="random",
        version=1,
        description="",
        base=400,
        scaling=Scaling(),
        characteristics=tuple(lines),
        reasons=tuple(Reason(code, "", "") for code in codes),
        training={},
    )
    return Model(content, "0" * 64)
