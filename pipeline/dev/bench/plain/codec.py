"""Input and output records of a per-event processor: fastavro in the wire format."""

import io
import time
from typing import Any

from fastavro import schemaless_reader

from pipeline import topics
from pipeline.codec import catalog
from pipeline.codec.field_rules import OCCURRED_FROM_MS
from pipeline.codec.registry import SchemaRegistry
from pipeline.codec.translate import parsed, write_record
from pipeline.codec.wire import HEADER_BYTES, header
from pipeline.dev.bench.plain.people import NewScore, NewSignal
from pipeline.dev.bench.plain.person import Event
from pipeline.dev.bench.plain.scoring import Score
from pipeline.factors.vocabulary import Factor
from pipeline.scoring.model import Model
from pipeline.topics import Topic


class Reader:
    """Reads one topic's values; one writer's schema, as all of the input has."""

    def __init__(self, topic: Topic) -> None:
        """Read ``topic``, an input."""
        self._schema = parsed(catalog.current(str(topic.record)).text)

    def __call__(self, value: bytes) -> Event:
        """One record: enums as symbols, times in milliseconds."""
        stream = io.BytesIO(value)
        stream.seek(HEADER_BYTES)
        event: Any = schemaless_reader(stream, self._schema, None)
        return dict(event)


class Writer:
    """Writes scores and peer signals."""

    def __init__(self, model: Model, registry: SchemaRegistry) -> None:
        """Write with the ids of ``registry``."""
        self._model = model.name
        self._factors = [
            {"factor": factor.name, "max_points": most, "min_points": least}
            for factor, most, least in zip(
                Factor, model.max_points.tolist(), model.min_points.tolist(), strict=True
            )
        ]
        self._score = _framing(topics.SCORES, registry)
        self._signal = _framing(topics.PEER_SIGNALS, registry)

    def score(self, new: NewScore) -> bytes | None:
        """A score record; None for somebody erased."""
        score = new.score
        if score is None:
            return None
        head, schema = self._score
        fields = score._asdict() | {
            "user_id": new.user,
            "factors": self._factor_points(score, new.mask),
            "model": self._model,
            "as_of": new.as_of_ms,
            "computed_at": int(time.time() * 1000),
            "sequence": new.sequence,
        }
        del fields["factor_points"]
        return head + write_record(fields, schema)

    def signal(self, new: NewSignal, event_id: str) -> bytes:
        """A peer signal record."""
        head, schema = self._signal
        fields = {
            "event_id": event_id,
            "user_id": new.said.receiver,
            "occurred_at": max(new.occurred_at_ms, OCCURRED_FROM_MS),
            "other_user_id": new.sender,
            "active": new.said.active,
            "base_score": new.base_score,
            "wants_reply": new.said.wants_reply,
            "erased": new.said.erased,
        }
        return head + write_record(fields, schema)

    def _factor_points(self, score: Score, mask: int) -> list[dict[str, Any]]:
        return [
            {**known, "points": points, "consented": bool(mask >> place + 1 & 1)}
            for place, (known, points) in enumerate(
                zip(self._factors, score.factor_points, strict=True)
            )
        ]


def _framing(topic: Topic, registry: SchemaRegistry) -> tuple[bytes, str]:
    return header(registry.id_of(topic.subject)), catalog.current(str(topic.record)).text
