"""All that a run took in and wrote, put together for the oracle."""

from collections import defaultdict
from dataclasses import dataclass, field

from pipeline import topics
from pipeline.dev.bench.broker import read_all
from pipeline.dev.chaos.records import Record, record_of
from pipeline.dev.chaos.witness import Witness
from pipeline.settings import Settings


@dataclass(slots=True)
class Evidence:
    """Committed records, each partition in its order.

    ``inputs`` are by topic name and partition, ``states`` by partition: the current
    generation's changelog as its last values by key; ``partners`` by partner id.
    """

    partitions: int
    prefix: str = ""
    inputs: dict[tuple[str, int], list[Record]] = field(default_factory=lambda: defaultdict(list))
    journal: list[Record] = field(default_factory=list)
    states: dict[int, dict[bytes, bytes]] = field(default_factory=lambda: defaultdict(dict))
    scores: list[Record] = field(default_factory=list)
    score_changes: list[Record] = field(default_factory=list)
    letters: list[Record] = field(default_factory=list)
    partners: dict[str, list[Record]] = field(default_factory=dict)


def gather(settings: Settings, witness: Witness) -> Evidence:
    """What a witness has seen, and the inputs read again from their topics.

    Raises:
        ChaosError: The witness could not read everything.
        SesameError: The inputs cannot be read.
    """
    witness.until_read()
    generations = witness.generations()
    evidence = Evidence(
        partitions=settings.partitions,
        prefix=settings.topic_prefix,
        journal=witness.records(topics.JOURNAL),
        scores=witness.records(topics.SCORES),
        score_changes=witness.records(topics.SCORE_CHANGES),
        letters=witness.records(topics.DEAD_LETTERS),
        partners={
            partner_id: witness.records(topics.partner_scores(partner_id))
            for partner_id in witness.partner_ids
        },
    )
    for partition, generation in generations.items():
        evidence.states[partition] = witness.state(partition, generation)
    for message in read_all(settings, [topic.name for topic in topics.INPUTS]):
        name = str(message.topic()).removeprefix(settings.topic_prefix)
        record = record_of(message)
        evidence.inputs[name, record.partition].append(record)
    return evidence
