"""What the broker knows of consumer groups and transactions: generations, members, states."""

import struct
import threading
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition
from kafka.errors import BrokerResponseError

from pipeline import provision
from pipeline.kafka import confluent_config
from pipeline.settings import Settings

_OFFSETS = "__consumer_offsets"
_GROUP_METADATA_KEY = 2
_FIRST_FLEXIBLE = 4
_POLL_S = 0.5
_ANSWER_S = 10.0


class Generations:
    """Counts the generations of groups that got members, from the coordinator's own log.

    The coordinator writes a group's metadata each time a generation's assignment stands, so
    this sees rebalances that no worker lived to tell of.
    """

    def __init__(self, settings: Settings) -> None:
        """Start to follow in a thread, from the beginning."""
        self._seen: dict[str, set[int]] = defaultdict(set)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._consumer = Consumer(
            {
                **confluent_config(settings),
                "group.id": "chaos-generations",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
            }
        )
        self._thread = threading.Thread(target=self._follow, name="generations", daemon=True)
        self._thread.start()

    def of(self, groups: Iterable[str]) -> int:
        """How many assignments these groups have had."""
        with self._lock:
            return sum(len(self._seen[group]) for group in groups)

    def close(self) -> None:
        """Stop following."""
        self._closing.set()
        self._thread.join()
        self._consumer.close()

    def _follow(self) -> None:
        while not self._closing.is_set() and not self._assign():
            self._closing.wait(_POLL_S)
        while not self._closing.is_set():
            message = self._consumer.poll(_POLL_S)
            if message is None or message.error():
                continue
            key, value = message.key(), message.value()
            found = generation_of(_octets(key), _octets(value)) if key and value else None
            if found is not None:
                group, generation = found
                with self._lock:
                    self._seen[group].add(generation)

    def _assign(self) -> bool:
        # The broker makes the topic when the first group comes.
        try:
            topic = self._consumer.list_topics(_OFFSETS, _ANSWER_S).topics[_OFFSETS]
        except KafkaException:
            return False
        if not topic.partitions:
            return False
        self._consumer.assign([TopicPartition(_OFFSETS, n, 0) for n in topic.partitions])
        return True


def generation_of(key: bytes, value: bytes) -> tuple[str, int] | None:
    """Group and generation of a coordinator's record; None for others, and for empty groups."""
    if len(key) < 4 or struct.unpack_from(">h", key)[0] != _GROUP_METADATA_KEY:  # noqa: PLR2004
        return None
    group = key[4:].decode()
    version = struct.unpack_from(">h", value)[0]
    flexible = version >= _FIRST_FLEXIBLE
    at = _skip_text(value, 2, flexible=flexible)
    generation = struct.unpack_from(">i", value, at)[0]
    at = _skip_text(value, at + 4, flexible=flexible)
    is_led = value[at] > 0 if flexible else struct.unpack_from(">h", value, at)[0] > 0
    return (group, generation) if is_led else None


def members(settings: Settings, group: str) -> int:
    """How many members a group has now."""
    with provision.admin(settings) as client:
        return len(client.describe_groups([group])[group]["members"])


def open_transactions(settings: Settings, group: str) -> list[str]:
    """Transactional ids of a group's lanes that have a transaction under way."""
    with provision.admin(settings) as client:
        states: dict[str, Any] = {}
        for number in range(settings.partitions):
            name = f"{group}-{number}"
            try:
                states |= client.describe_transactions([name])
            except BrokerResponseError:
                continue  # no lane has ever had this one
    return [name for name, found in states.items() if str(found.state).endswith("Ongoing")]


def _skip_text(value: bytes, at: int, *, flexible: bool) -> int:
    if flexible:  # lengths of these names fit into one byte
        return at + 1 + max(0, value[at] - 1)
    length: int = struct.unpack_from(">h", value, at)[0]
    return at + 2 + max(0, length)


def _octets(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""
