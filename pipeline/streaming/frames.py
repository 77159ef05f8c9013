"""aiokafka's connections, receiving answers by frames.

    answer: its length, then so many bytes; mostly the first four say to which request it is

aiokafka reads them from a stream: a task is woken twice for each answer, and a large one is copied
three times before anybody looks at it. Here what has arrived is handled at once, and a large answer
is received where it stays.
"""

import asyncio
import struct
import time
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import structlog
from aiokafka import conn
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import CorrelationIdError

from pipeline.streaming.fetches import FetchAnswer, FetchInPlace

log = structlog.get_logger(__name__)

Frame = bytes | memoryview

_SMALL_BYTES = 65_536
"""Answers up to this size, with their length, are received into memory that is used again."""
_INT = struct.Struct(">i")


class Frames(asyncio.BufferedProtocol):
    """Cuts what a connection receives into frames; all else is up to the protocol before it."""

    def __init__(
        self,
        former: asyncio.Protocol,
        take: Callable[[Frame], bool],
        ended: Callable[[Exception], None],
    ) -> None:
        """Stand in for a connection's protocol.

        Args:
            former: Told of everything but what is received.
            take: Given each frame, without its length; whether there may be more.
            ended: Told why nothing more will be received.
        """
        self._former = former
        self._take = take
        self._ended = ended
        self._small = memoryview(bytearray(_SMALL_BYTES))
        self._received = 0
        """Bytes in ``_small``: the beginning of a frame, unless they are being cut."""
        self._large: memoryview | None = None
        self._missing = 0
        """Bytes of ``_large``."""

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Where the next bytes go."""
        if self._large is None:
            return self._small[self._received :]
        return self._large[-self._missing :]

    def buffer_updated(self, nbytes: int) -> None:
        """Take what has come there."""
        if self._large is None:
            self._received += nbytes
            self._cut()
            return
        self._missing -= nbytes
        if not self._missing:
            frame, self._large = self._large, None
            self._take(frame.toreadonly())

    def eof_received(self) -> bool | None:
        """Close; the other side has."""
        self._former.eof_received()
        self._ended(EOFError("the broker has closed the connection"))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody."""
        self._former.connection_lost(exc)
        self._ended(exc or EOFError("the connection is closed"))

    def pause_writing(self) -> None:
        """Have writers wait."""
        self._former.pause_writing()

    def resume_writing(self) -> None:
        """Have writers go on."""
        self._former.resume_writing()

    def _cut(self) -> None:
        start = 0
        while (received := self._received - start) >= _INT.size:
            (size,) = _INT.unpack_from(self._small, start)
            if size < 0:
                self._received = 0
                self._ended(ValueError(f"an answer of {size} bytes"))
                return
            if _INT.size + size > len(self._small):
                begun = self._small[start + _INT.size : self._received]
                # Takes no memory before it is written to: what is no broker may claim any size.
                self._large = np.empty(size, np.uint8).data
                self._missing = size - len(begun)
                self._large[: len(begun)] = begun
                start = self._received
            elif _INT.size + size > received:
                break
            else:
                end = start + _INT.size + size
                if not self._take(bytes(self._small[start + _INT.size : end])):
                    self._received = 0
                    return
                start = end
        left = self._received - start
        if start and left:
            self._small[:left] = self._small[start : self._received]
        self._received = left


class FramedConnection(AIOKafkaConnection):  # type: ignore[misc] # untyped
    """A connection without a stream, nor a task that reads it."""

    def _create_reader_task(self) -> "asyncio.Future[None]":
        this = weakref.ref(self)

        def take(frame: Frame) -> bool:
            connection = this()
            return connection is not None and connection.taken(frame)

        def ended(error: Exception) -> None:
            connection = this()
            if connection is not None:
                connection.close(reason=CloseReason.CONNECTION_BROKEN, exc=error)

        self._writer.transport.set_protocol(Frames(self._protocol, take, ended))
        loop, reader = asyncio.get_running_loop(), self._reader
        if reader.at_eof() or reader.exception() or self._closed_fut.done():
            # Closed as soon as it was accepted: the protocol before has been told, and no other is.
            loop.call_soon(ended, reader.exception() or EOFError("the broker closes connections"))
        # In the place of the task: to be cancelled when the connection is closed.
        return loop.create_future()

    def taken(self, frame: Frame) -> bool:
        """Handle an answer; whether there may be more."""
        try:
            self._handle_frame(frame)
        except Exception as error:  # whatever it is, nothing more can be read after it
            log.exception("an answer cannot be read", host=self.host, port=self.port)
            self.close(reason=CloseReason.CONNECTION_BROKEN, exc=error)
        return self._reader is not None

    def _handle_frame(self, resp: Frame) -> None:
        number, request, answer = self._requests[0]
        if not isinstance(request, FetchInPlace):
            super()._handle_frame(bytes(resp))
            return
        (answered,) = _INT.unpack_from(resp)
        if answered != number:
            error = CorrelationIdError(f"sent {number}, received {answered}")
            if not answer.done():
                answer.set_exception(error)
            self.close(reason=CloseReason.OUT_OF_SYNC)
            return
        if not answer.done():
            answer.set_result(FetchAnswer.read(memoryview(resp)[_INT.size :]))
        self._last_action = time.monotonic()
        self._requests.popleft()


def receive_by_frames() -> None:
    """Have all of aiokafka's connections of this process, made from now on, do so."""
    given: Any = conn
    given.AIOKafkaConnection = FramedConnection
