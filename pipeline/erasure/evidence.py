"""Reads what a receipt names from the topics as they are now."""

from collections import defaultdict
from functools import lru_cache

from kafka.errors import AuthorizationError

from pipeline import topics
from pipeline.codec.registry import SchemaRegistry
from pipeline.erasure.judge import Evidence, Present
from pipeline.erasure.ledger import word_of
from pipeline.erasure.names import topic_of
from pipeline.erasure.receipt import Keeping, Receipt, key_digest
from pipeline.erasure.sought import STATE_TABLES, changelogs
from pipeline.erasure.trace import Kept
from pipeline.errors import KafkaUnreachableError
from pipeline.reading import LogReader

Wanted = dict[str, dict[int, set[str]]]
"""Keys' digests by topic and partition."""


def gather(reader: LogReader, receipt: Receipt, registry: SchemaRegistry) -> Evidence:
    """What the topics hold now of what a receipt names.

    All generations of the state are looked at: a replay must not bring anybody back.

    Raises:
        KafkaUnreachableError: No broker answers.
        RegistryError: The registry cannot answer.
    """
    evidence = Evidence()
    names = reader.names()
    wanted = _wanted(receipt, [topic.name for topic in changelogs(names)])
    for name, partitions in sorted(wanted.items()):
        if name not in names:
            evidence.unseen[name] = "it is not there, or may not be seen"
            continue
        try:
            _look(reader, receipt, registry, name, partitions, evidence)
        except KafkaUnreachableError as error:
            if not isinstance(error.__cause__, AuthorizationError):
                raise
            evidence.unseen[name] = "the Kafka user may not read it"
    return evidence


def _wanted(receipt: Receipt, generations: list[str]) -> Wanted:
    wanted: Wanted = defaultdict(lambda: defaultdict(set))
    for withdrawal in receipt.withdrawals:
        wanted[withdrawal.topic][withdrawal.partition].add(receipt.person)
    for removal in receipt.removed:
        wanted[removal.topic][removal.partition].add(removal.key)
        if removal.table in STATE_TABLES.values():
            for name in generations:
                wanted[name][removal.partition].add(removal.key)
    for entry in receipt.remaining:
        if entry.keeping is not Keeping.OTHERS:
            keys = wanted[entry.topic][entry.partition]
            keys |= {entry.key} if entry.key is not None else set()
    return wanted


def _look(  # noqa: PLR0913 - what is read, and where it goes
    reader: LogReader,
    receipt: Receipt,
    registry: SchemaRegistry,
    name: str,
    partitions: dict[int, set[str]],
    evidence: Evidence,
) -> None:
    topic = topic_of(name)
    if topic is None:
        evidence.unseen[name] = "it is no topic of the pipeline"
        return
    there = reader.partitions(topic)
    digest = lru_cache(maxsize=100_000)(lambda key: key_digest(receipt.salt, key))
    due = {each.partition: each.offset for each in receipt.withdrawals}
    for number, keys in sorted(partitions.items()):
        if number not in there:
            continue
        span = evidence.spans[name, number] = reader.held(topic, number)
        if not keys:
            continue
        for record in reader.read(topic, number, span):
            known = digest(record.key or b"")
            if known not in keys:
                continue
            present = evidence.present.setdefault((name, number, known), Present())
            is_letter = name == topics.DEAD_LETTERS.name
            if record.value is None and not is_letter:
                present.tombstones.append(record.offset)
                continue
            present.values.append(record.offset)
            if name == topics.CONSENTS.name and record.offset > due.get(number, record.offset):
                kept = Kept(record.offset, record.timestamp, record.value)
                word = word_of(number, kept, registry)
                evidence.words += [word] if word is not None else []
