"""Where partitions end, for who reads only what is committed and for everybody."""

from collections.abc import Iterable
from typing import Any

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from pipeline.kafka import confluent_config
from pipeline.settings import Settings

Part = tuple[str, int]
"""A topic's full name and a partition number."""


class Ends:
    """Asks the brokers; raises KafkaException while none answers."""

    def __init__(self, settings: Settings) -> None:
        """Connect when first asked."""
        self._timeout_s = settings.request_timeout_s
        self._admin = AdminClient({**confluent_config(settings), "log_level": 0})

    def committed(self, parts: Iterable[Part]) -> dict[Part, int]:
        """Where the committed records end: before the first open transaction."""
        return self._offsets(parts, IsolationLevel.READ_COMMITTED, _latest())

    def written(self, parts: Iterable[Part]) -> dict[Part, int]:
        """Where all records end."""
        return self._offsets(parts, IsolationLevel.READ_UNCOMMITTED, _latest())

    def beginnings(self, parts: Iterable[Part]) -> dict[Part, int]:
        """The first offsets that are still there."""
        return self._offsets(parts, IsolationLevel.READ_UNCOMMITTED, _earliest())

    def topics(self) -> dict[str, int]:
        """The partition counts of all topics."""
        found = self._admin.list_topics(timeout=self._timeout_s).topics
        return {name: len(topic.partitions) for name, topic in found.items()}

    def _offsets(
        self, parts: Iterable[Part], isolation: IsolationLevel, which: Any
    ) -> dict[Part, int]:
        asked = {TopicPartition(*part): which for part in parts}
        if not asked:
            return {}
        answers = self._admin.list_offsets(
            asked, isolation_level=isolation, request_timeout=self._timeout_s
        )
        return {
            (part.topic, part.partition): answer.result().offset for part, answer in answers.items()
        }


def _earliest() -> Any:
    return OffsetSpec.earliest()  # type: ignore[no-untyped-call]  # its module has no types


def _latest() -> Any:
    return OffsetSpec.latest()  # type: ignore[no-untyped-call]  # its module has no types
