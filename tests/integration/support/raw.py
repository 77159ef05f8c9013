"""Record batches as no client library would make them, and how to produce them all the same."""

import asyncio
import gzip
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

import cramjam
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import TopicPartition

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
_AFTER_CRC = struct.Struct(">hiqqqhii")
_MAGIC = 2


@dataclass(frozen=True)
class RawRecord:
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[bytes, bytes], ...] = ()


def batch(records: Sequence[RawRecord], codec: str = "none", at_ms: int | None = None) -> bytes:
    """A record batch of format 2 (Kafka's documentation, "Record Batch")."""
    stamp = int(time.time() * 1000) if at_ms is None else at_ms
    body = b"".join(_record(number, record) for number, record in enumerate(records))
    return framed(_packed(codec, body), len(records), codec, stamp)


def framed(packed: bytes, count: int, codec: str, stamp: int = 1_760_000_000_000) -> bytes:
    """A batch's header and its records, as they are."""
    after = _AFTER_CRC.pack(CODECS[codec], count - 1, stamp, stamp, -1, -1, -1, count) + packed
    checked = struct.pack(">ibI", -1, _MAGIC, calc_crc32c(after)) + after
    return struct.pack(">qi", 0, len(checked)) + checked


def _packed(codec: str, body: bytes) -> bytes:
    match codec:
        case "gzip":
            return gzip.compress(body)
        case "snappy":
            return bytes(cramjam.snappy.compress_raw(body))
        case "lz4":
            # The broker takes no blocks that refer to others.
            compressor = cramjam.lz4.Compressor(content_checksum=False, block_linked=False)
            compressor.compress(body)
            return bytes(compressor.finish())
        case "zstd":
            return bytes(cramjam.zstd.compress(body))
    return body


def _record(number: int, record: RawRecord) -> bytes:
    body = b"\0" + _varint(0) + _varint(number) + _sized(record.key) + _sized(record.value)
    body += _varint(len(record.headers))
    body += b"".join(_sized(name) + _sized(value) for name, value in record.headers)
    return _varint(len(body)) + body


def _varint(number: int) -> bytes:
    zigzag, out = (number << 1) ^ (number >> 63), bytearray()
    while zigzag >= 0x80:
        out.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    return bytes([*out, zigzag])


def _sized(content: bytes | None) -> bytes:
    return _varint(-1) if content is None else _varint(len(content)) + content


def produce(bootstrap: str, topic: str, partition: int, *batches: bytes) -> None:
    """Have the broker append batches; it looks at what it is given no less than at others'.

    Raises:
        RuntimeError: It takes one not.
    """

    async def send() -> None:
        client = AIOKafkaClient(bootstrap_servers=bootstrap)
        await client.bootstrap()
        try:
            await client.add_topic(topic)
            node = client.cluster.leader_for_partition(TopicPartition(topic, partition))
            for one in batches:
                request = ProduceRequest(None, -1, 10_000, [(topic, [(partition, one)])])
                answer = await client.send(node, request)
                ((_, ((_, code, *_),)),) = answer.topics
                if code:
                    raise RuntimeError(f"the broker answers {code}")
        finally:
            await client.close()

    asyncio.run(send())
