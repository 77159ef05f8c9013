"""The topics that a witness follows, and where they begin and end; named without prefix."""

from collections.abc import Iterable, Iterator, Sequence

from confluent_kafka import KafkaException

from pipeline import topics
from pipeline.dev.chaos.ends import Ends, Part
from pipeline.dev.chaos.errors import ChaosError
from pipeline.settings import Settings


class Followed:
    """Inputs, logs, of which every record counts, and all generations' changelogs."""

    def __init__(self, settings: Settings, partner_ids: Sequence[str]) -> None:
        """Set up; the brokers are asked by the methods.

        Args:
            settings: The brokers and the topics' prefix.
            partner_ids: Whose ``partner.<id>.scores`` are among the logs.
        """
        self._prefix = settings.topic_prefix
        self._ends = Ends(settings)
        outputs = (topics.JOURNAL, topics.SCORES, topics.SCORE_CHANGES, topics.DEAD_LETTERS)
        partners = map(topics.partner_scores, partner_ids)
        self.inputs = frozenset(topic.name for topic in topics.INPUTS)
        self.logs = frozenset(t.name for t in (*outputs, *partners, topics.GENERATIONS))

    def parts(self) -> Iterator[Part]:
        """Those that are there now.

        Raises:
            KafkaException: No broker answers.
        """
        for full_name, partitions in sorted(self._ends.topics().items()):
            name = full_name.removeprefix(self._prefix)
            if full_name.startswith(self._prefix) and (
                name in self.inputs or name in self.logs or topics.generation_of(name)
            ):
                yield from ((name, number) for number in range(partitions))

    def committed_ends(self) -> dict[Part, int] | None:
        """Where everything that is there ends now; None while no broker answers."""
        try:
            found = self._ends.committed(map(self._full, self.parts()))
        except KafkaException:
            return None
        return {(name.removeprefix(self._prefix), n): end for (name, n), end in found.items()}

    def check_beginnings(self, parts: Iterable[Part]) -> None:
        """See that nothing was before.

        Raises:
            ChaosError: A topic has lost its first records.
            KafkaException: No broker answers.
        """
        for (full_name, number), start in self._ends.beginnings(map(self._full, parts)).items():
            if start:
                raise ChaosError(
                    f"{full_name}-{number} begins at offset {start}: what was before is not seen"
                )

    def _full(self, part: Part) -> Part:
        name, number = part
        return self._prefix + name, number
