"""Answers come whole and in order, however they arrive; a connection that breaks says so."""

import asyncio
import resource
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from threading import Thread
from typing import Any

import pytest
import uvloop
from aiokafka import errors
from aiokafka.protocol.admin import ApiVersionRequest, ApiVersionResponse_v0
from aiokafka.protocol.fetch import FetchRequest, FetchRequest_v11, FetchResponse_v11
from hypothesis import given
from hypothesis import strategies as st

from pipeline.streaming.fetches import Fetch
from pipeline.streaming.frames import Frame, FramedConnection, Frames

Answer = Callable[[int, int, asyncio.StreamWriter], Awaitable[None]]
"""Answers a request, by its kind and number."""

SIZES = st.one_of(st.integers(0, 40), st.sampled_from([65_531, 65_532, 65_533, 200_000]))


class Noted(asyncio.Protocol):
    def __init__(self) -> None:
        self.told: list[str] = []

    def eof_received(self) -> None:
        self.told.append("end")

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append(f"lost: {exc}")

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")


class Taken:
    def __init__(self, most: int = 1_000) -> None:
        self.frames: list[Frame] = []
        self.errors: list[str] = []
        self.former = Noted()
        self.protocol = Frames(self.former, self.take, lambda error: self.errors.append(str(error)))
        self._most = most

    def take(self, frame: Frame) -> bool:
        self.frames.append(frame)
        return len(self.frames) < self._most

    def receive(self, data: bytes) -> None:
        while data:
            buffer = self.protocol.get_buffer(-1)
            some = min(len(buffer), len(data))
            assert some
            buffer[:some] = data[:some]
            buffer.release()
            self.protocol.buffer_updated(some)
            data = data[some:]


def framed(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


@given(sizes=st.lists(SIZES, max_size=12), data=st.data())
def test_answers_come_out_as_they_were_sent_however_they_are_cut(
    sizes: list[int], data: st.DataObject
) -> None:
    sent = [bytes([65 + number]) * size for number, size in enumerate(sizes)]
    stream = b"".join(map(framed, sent))
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=10))
    bounds = [0, *sorted(cuts), len(stream)]
    taken = Taken()
    for start, end in pairwise(bounds):
        taken.receive(stream[start:end])

    assert taken.frames == sent
    assert taken.errors == []


def test_nothing_more_is_taken_once_a_connection_is_closed() -> None:
    taken = Taken(most=1)
    taken.receive(framed(b"first") + framed(b"second"))

    assert taken.frames == [b"first"]


@pytest.mark.parametrize("size", [-1, -65_536])
def test_an_answer_of_less_than_nothing_breaks_the_connection(size: int) -> None:
    taken = Taken()
    taken.receive(framed(b"first") + struct.pack(">i", size) + b"rest")

    assert taken.frames == [b"first"]
    assert taken.errors == [f"an answer of {size} bytes"]


def test_the_protocol_before_is_told_of_all_but_answers() -> None:
    taken = Taken()
    taken.protocol.pause_writing()
    taken.protocol.resume_writing()
    assert not taken.protocol.eof_received()
    taken.protocol.connection_lost(ConnectionResetError("reset"))

    assert taken.former.told == ["pause", "resume", "end", "lost: reset"]
    assert taken.errors == ["the broker has closed the connection", "reset"]


@pytest.fixture(params=[uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=request.param) as made:
        yield made


async def put(writer: asyncio.StreamWriter, number: int, body: bytes) -> None:
    writer.write(framed(struct.pack(">i", number) + body))
    await writer.drain()


@asynccontextmanager
async def connected(answer: Answer) -> AsyncIterator[FramedConnection]:
    """A connection to a server that tells what it understands, and answers all else so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                (size,) = struct.unpack(">i", await reader.readexactly(4))
                kind, _, number = struct.unpack_from(">hhi", await reader.readexactly(size))
                if kind == ApiVersionRequest.API_KEY:
                    understood = [(ApiVersionRequest.API_KEY, 0, 0), (FetchRequest.API_KEY, 0, 11)]
                    await put(writer, number, ApiVersionResponse_v0(0, understood).encode())
                else:
                    await answer(kind, number, writer)
        except (EOFError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connection = FramedConnection("127.0.0.1", port)
    await connection.connect()
    try:
        yield connection
    finally:
        closed = connection.close()
        await closed
        server.close()


def fetch(records_max: int = 1_000_000) -> Fetch:
    return Fetch(20, 1, records_max, 1, [("payments", [(0, 5, records_max)])])


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_an_answer_of_any_size_arrives(runner: asyncio.Runner, size: int) -> None:
    records = bytes(range(250)) * (size // 250) + b"end"

    async def answer(kind: int, number: int, writer: asyncio.StreamWriter) -> None:
        assert kind == FetchRequest_v11.API_KEY
        fetched: list[Any] = [("payments", [(0, 0, 9, 9, 0, [], -1, records)])]
        await put(writer, number, FetchResponse_v11(0, 0, 0, fetched).encode())

    async def ask() -> Any:
        async with connected(answer) as connection:
            return [await connection.send(fetch()) for _ in range(3)]

    answers = runner.run(ask())
    assert [bytes(each.topics[0][1][0][-1]) for each in answers] == [records] * 3


def test_an_answer_to_another_request_closes_the_connection(runner: asyncio.Runner) -> None:
    async def answer(_: int, number: int, writer: asyncio.StreamWriter) -> None:
        await put(writer, number + 1, FetchResponse_v11(0, 0, 0, []).encode())

    async def ask() -> bool:
        async with connected(answer) as connection:
            with pytest.raises(errors.CorrelationIdError):
                await connection.send(fetch())
            return bool(connection.connected())

    assert not runner.run(ask())


@pytest.mark.parametrize(
    "sent", [b"", framed(b""), framed(b"\0\0\0\2cut off"), struct.pack(">i", -5)]
)
def test_what_is_under_way_fails_when_nothing_more_can_be_read(
    runner: asyncio.Runner, sent: bytes
) -> None:
    async def answer(_: int, __: int, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        writer.close()

    async def ask() -> bool:
        async with connected(answer) as connection:
            with pytest.raises(errors.KafkaConnectionError) as raised:
                await connection.send(fetch())
            assert raised.value.__cause__ is not None
            return bool(connection.connected())

    assert not runner.run(ask())


def test_an_answer_that_nobody_waits_for_any_more_is_passed_over(runner: asyncio.Runner) -> None:
    async def ask() -> Any:
        asked = asyncio.Event()

        async def answer(_: int, number: int, writer: asyncio.StreamWriter) -> None:
            if number == 2:
                await asked.wait()
            await put(writer, number, FetchResponse_v11(number, 0, 0, []).encode())

        async with connected(answer) as connection:
            first = asyncio.ensure_future(connection.send(fetch()))
            await asyncio.sleep(0)
            first.cancel()
            second = asyncio.ensure_future(connection.send(fetch()))
            await asyncio.sleep(0)
            asked.set()
            return await second

    assert runner.run(ask()).topics == []


def test_a_broker_that_closes_what_it_has_accepted_is_not_waited_for(
    runner: asyncio.Runner,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    server.accept()[0].close()

        Thread(target=accept, daemon=True).start()

        async def ask() -> None:
            for _ in range(20):
                connection = FramedConnection(*server.getsockname(), request_timeout_ms=5_000)
                # So that it waits in `accept` already.
                await asyncio.sleep(0.02)
                with pytest.raises((errors.KafkaConnectionError, ConnectionError)):
                    await connection.connect()

        runner.run(ask())
        server.shutdown(socket.SHUT_RDWR)


def test_what_claims_to_be_large_takes_no_memory_before_it_comes() -> None:
    taken = Taken()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # A server that speaks something else.
    taken.receive(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    assert taken.frames == []
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
