"""What must have been written, told by the oracle from all that was sent."""

from collections import Counter
from dataclasses import dataclass

from pipeline import topics
from pipeline.codec.registry import FileRegistry
from pipeline.dev.chaos.check import check
from pipeline.dev.chaos.evidence import gather
from pipeline.dev.chaos.partner_oracle import Sharing, compare_partners
from pipeline.dev.chaos.verdict import Verdict
from pipeline.dev.chaos.witness import Witness
from pipeline.gateway.keyring import KeyRing
from pipeline.partners.registry import load_registry
from pipeline.scoring.model import Model
from tests.integration.support.gateway import KEY, SharedStream
from tests.integration.support.stream import Placed, Stream
from tests.integration.support.tail import Record

Letter = tuple[str, int, int, str]
"""Topic, partition, offset and reason of a dead letter."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A record that was acknowledged, as the oracle takes it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    reason: str | None


def assert_as_replayed(stream: Stream, model: Model) -> Counter[tuple[str, str]]:
    """Everything written is what the reference says; the outcomes of events by topic."""
    verdict = judged(stream, model)
    assert verdict.holds, "\n".join(verdict.findings)
    return verdict.outcomes


def judged(stream: Stream, model: Model) -> Verdict:
    """Everything written, held against what the reference says."""
    stream.until_settled()
    with Witness(stream.settings) as witness:
        return check(stream.settings, witness, model, sent=map(_sent, stream.placed))


def _sent(placed: Placed) -> Sent:
    record = placed.record
    return Sent(
        placed.topic.name, record.partition, record.offset, record.key, record.value, placed.reason
    )


def assert_partners_see_what_is_due(stream: SharedStream) -> None:
    """Every partner's records are what the last scores, the grants and the registry say."""
    stream.until_settled()
    verdict, config = Verdict(), stream.settings
    with Witness(config, list(stream.partners)) as witness:
        evidence = gather(config, witness)
    sharing = Sharing(load_registry(stream.registry), KeyRing.of([KEY]))
    compare_partners(evidence, sharing, FileRegistry(), verdict)
    assert verdict.records_compared >= len(stream.partners)
    assert verdict.holds, "\n".join(verdict.findings)


def letters(stream: Stream) -> list[tuple[Letter, Record]]:
    """The dead letters, with what their headers say."""
    found = []
    for record in stream.read(topics.DEAD_LETTERS):
        headers = {name: value.decode() for name, value in record.headers}
        name = headers["dlq.topic"].removeprefix(stream.prefix)
        partition, offset = int(headers["dlq.partition"]), int(headers["dlq.offset"])
        found.append(((name, partition, offset, headers["dlq.reason"]), record))
    return found
