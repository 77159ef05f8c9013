"""The changelogs are compacted between two restores."""

from typing import ClassVar

from kafka.admin import ConfigResource, ConfigResourceType

from pipeline import provision, topics
from pipeline.dev.chaos.errors import ChaosError
from pipeline.dev.chaos.logs import read
from pipeline.dev.chaos.scenarios.base import Scenario
from pipeline.dev.chaos.stage import Plan
from pipeline.settings import Settings
from pipeline.streaming.changelog import POSITION_KEY

_EAGER = {
    "segment.ms": "1000",
    "max.compaction.lag.ms": "1000",
    "min.cleanable.dirty.ratio": "0.01",
    "delete.retention.ms": "100",
}
_COMPACTED = (topics.CHANGELOG, topics.GATEWAY_CHANGELOG, topics.SCORES)
_COMPACTED_S = 60.0
_LEFT_MAX = 0.5
"""The share of a changelog's positions that may be left."""


class ChangelogCompacted(Scenario):
    """Compaction runs all the while, and everybody restores from what it has left."""

    name = "changelog-compacted"
    promise = "a state restored from a compacted changelog is the one that was written"
    plan: ClassVar[Plan] = Plan(workers=2, gateways=1)

    ROUNDS: ClassVar[int] = 3

    def run(self) -> None:
        """Have it compacted, see that it was, kill all, and once more."""
        stage = self.stage
        _compact_eagerly(stage.settings)
        for _ in range(self.ROUNDS):
            stage.until_applied(2_000)
            stage.until(self._is_compacted, _COMPACTED_S, "compaction of the changelog")
            for fleet in (stage.workers, stage.gateways):
                for child in fleet.running:
                    fleet.kill(child)
                fleet.until_ready()
        stage.until_applied(1_000)

    def _is_compacted(self) -> bool:
        # Each transaction writes its position to both; only one of them is compacted.
        found = read(self.stage.settings, topics.CHANGELOG)
        left = sum(record.key == POSITION_KEY for record in found)
        return left < _LEFT_MAX * len(self.stage.witness.records(topics.JOURNAL))


def _compact_eagerly(settings: Settings) -> None:
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, settings.topic(topic.name), _EAGER)
        for topic in _COMPACTED
    ]
    with provision.admin(settings) as admin:
        answers = admin.alter_configs(resources)["topic"]
    if refused := {topic: answer for topic, answer in answers.items() if answer != "OK"}:
        raise ChaosError(f"topics cannot be compacted eagerly: {refused}")
