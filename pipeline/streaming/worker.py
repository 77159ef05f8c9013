"""A worker process: the app, its lanes, the web server and the watchdog, started and ended."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
import uvloop
from aiokafka.errors import KafkaError
from faust.types import TP

from pipeline.errors import SesameError
from pipeline.settings import Settings
from pipeline.streaming import app as faust_app
from pipeline.streaming.flow import Flow
from pipeline.streaming.lag import LagWatch
from pipeline.streaming.pool import LanePool
from pipeline.streaming.watchdog import Watchdog, end_after
from pipeline.streaming.web import WebServer
from pipeline.topics import Topic

log = structlog.get_logger(__name__)

EXIT_FAILED = 1
_COLLECT_AFTER = 100_000
"""Objects made and not yet dropped before the youngest are looked through."""
_TURN_S = 0.0005
"""How long the thread that fetches may keep the interpreter from the lanes, and they from it.

A step lets go of it at each column it decodes or encodes, and waits for it behind the other: with
Python's own 5 ms, longer than it works.
"""
_STOP_S = 25.0
"""Longest orderly stop; after it the process ends, which costs no more than a kill would."""


@dataclass(slots=True)
class _End:
    """Why and when the worker is to end."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    error: BaseException | None = None

    def failed(self, error: BaseException) -> None:
        """End with an error; the first one counts."""
        if self.error is None:
            self.error = error
            if isinstance(error, SesameError):
                log.critical("worker fails", error=str(error))
            else:
                log.critical("worker fails", error=repr(error), exc_info=error)
        self.asked.set()


class Worker:
    """Everything one process runs."""

    def __init__(self, settings: Settings, flow: Flow, port: str = "web_port") -> None:
        """Put the parts together; nothing runs yet.

        Args:
            settings: The worker's.
            flow: The work its lanes carry.
            port: The setting that says where the web server listens.
        """
        self._end = _End()
        self._settings = settings
        self._flow = flow
        self.pool = LanePool(settings, flow, self._end.failed)
        self._app = faust_app.build(settings, flow, self.pool, self._end.failed)
        self._lag = LagWatch(settings, self.pool, self._inputs, self._position)
        self._web = WebServer(settings, lambda: self.pool.is_ready, port)
        self._watchdog = Watchdog(self._stalled_s, settings.watchdog_s)

    async def run(self) -> int:
        """Work until a signal or a failure; returns the exit status."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(tell_of)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end.asked.set)
        await self._web.start()
        self._watchdog.start()
        tasks = [asyncio.create_task(self._run_app())]
        for beside in self._beside():
            tasks.append(asyncio.create_task(beside))
            tasks[-1].add_done_callback(self._ended_by_itself)
        await self._end.asked.wait()
        log.info("worker stops", partitions=sorted(self.pool.lanes))
        end_after(_STOP_S, _end_at_once)
        await self._stop(*tasks)
        return EXIT_FAILED if self._end.error else 0

    async def _run_app(self) -> None:
        try:
            self._app.finalize()
            await self._app.start()
            await self._app.wait_until_stopped()
            if not self._end.asked.is_set():
                crash = self._app.crash_reason or RuntimeError("Faust stopped by itself")
                self._end.failed(crash)
        except Exception as error:  # noqa: BLE001 - told to the main task, which ends the worker
            self._end.failed(error)

    def _ended_by_itself(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()):
            self._end.failed(error)

    async def _stop(self, *tasks: "asyncio.Task[None]") -> None:
        await self.pool.close()
        await self._app.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._watchdog.stop()
        await self._web.stop()

    def _stalled_s(self) -> float:
        return max(self.pool.stalled_s(), self._lag.stalled_s())

    def _beside(self) -> Iterable[Coroutine[None, None, None]]:
        """What runs for as long as the app; the worker fails when one of them does."""
        return [self._lag.run()]

    def _inputs(self) -> Sequence[Topic]:
        """The topics whose lag is watched."""
        return self._flow.inputs

    def _position(self, topic: Topic, partition: int) -> int | None:
        """The next offset that will be fetched; None while nobody knows."""
        tp = TP(self._settings.topic(topic.name), partition)
        return faust_app.position(self._app.consumer, tp)


def tell_of(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Tell of errors nobody asked for, but for those of Kafka's requests.

    When a transaction breaks off, requests of it that are under way fail too, and nobody waits for
    them any more; the lane is told by the first.
    """
    if "future" in context and isinstance(context.get("exception"), KafkaError):
        log.debug("not asked for", error=repr(context["exception"]))
    else:
        loop.default_exception_handler(context)


def _end_at_once() -> None:
    log.error("orderly stop took too long", limit_s=_STOP_S)
    os._exit(EXIT_FAILED)


def _tune_garbage_collection() -> None:
    """Look for cycles seldom: fetched records by the hundred thousand are no cycles.

    With Python's defaults the collector walks all waiting records again and again. What was
    imported stays: nor is it looked through a last time for the few that could go.
    """
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 50)


def run(new_worker: Callable[[], Worker]) -> int:
    """Run a worker in this process, made in its own event loop; returns the exit status."""
    _tune_garbage_collection()
    sys.setswitchinterval(_TURN_S)

    async def main() -> int:
        return await new_worker().run()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())
