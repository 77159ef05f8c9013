"""One run of each system: load its input, start it, wait until it is through, measure."""

import contextlib
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from uuid import uuid4

import httpx

from pipeline import topics
from pipeline.codec.open import open_registry
from pipeline.dev.bench.arithmetic import Run, Window, run_of
from pipeline.dev.bench.backlog import Backlog
from pipeline.dev.bench.broker import Offsets, Watch, delete_topics
from pipeline.dev.bench.child import Child, Watched
from pipeline.dev.bench.readback import WRITTEN, Written
from pipeline.dev.bench.workload import DATA_TOPICS, Workload
from pipeline.dev.simulator.send import send
from pipeline.errors import SesameError
from pipeline.provision import ensure_topics
from pipeline.settings import Settings, variable

SESAME, COPY = "sesame", "copy"
_MB = 1_000_000
_POLL_S = 0.5
_READY_POLL_S = 0.05
_STALLED_S = 120.0
_SETTLED_S = 3.0
_DATA = [topic.name for topic in DATA_TOPICS]
_PORTS = ("web_port", "gateway_port", "rental_port")
_CHOSEN = ("bootstrap", "partitions", "topic_prefix", "app_id", "gateway_app_id", *_PORTS)


@dataclass(frozen=True, slots=True)
class Bench:
    """What all runs share; ``folder`` takes logs.

    ``say`` is told what goes on just now, ``note`` what is worth keeping.
    """

    settings: Settings
    folder: Path
    say: Callable[[str], None]
    note: Callable[[str], None] = lambda _: None


@dataclass(slots=True)
class Measured:
    """A run, what it wrote, and the settings that its topics are under."""

    run: Run
    settings: Settings
    written: Written = field(default_factory=Written)


@contextmanager
def topics_of(bench: Bench, name: str, partner_ids: Sequence[str] = ()) -> Iterator[Settings]:
    """Settings with topics and ports of their own; the topics are deleted in the end."""
    base = bench.settings
    chosen = {
        "topic_prefix": f"{base.topic_prefix}bench-{name}-{uuid4().hex[:8]}.",
        "app_id": "bench",
        "gateway_app_id": "bench-gateway",
        **{port: free_port() for port in _PORTS},
    }
    settings = base.model_copy(update=chosen)
    ensure_topics(settings, list(partner_ids))
    try:
        yield settings
    finally:
        delete_topics(settings)


def command(*module: str) -> list[str]:
    """How a module is run as a child."""
    return [sys.executable, "-m", *module]


def environment(settings: Settings) -> dict[str, str]:
    """What tells a child its topics, group and port; the rest it has from ours."""
    return {variable(name): str(getattr(settings, name)) for name in _CHOSEN}


@dataclass(frozen=True, slots=True)
class Released:
    """A run whose timed events appeared at ``at``, in seconds since 1970.

    ``ends`` are those of the topics that are written, at that moment.
    """

    at: float
    ends: Offsets
    child: Watched
    peak_rss_mb: float
    workload: Workload
    settings: Settings

    def measured(self, system: str, number: int, last_at: float, written: Written) -> Measured:
        """The run, whose last event was applied at ``last_at``."""
        seen = Window(self.at, last_at, self.workload.timed_events)
        run = run_of(system, number, [seen], self.child.samples, self.peak_rss_mb)
        return Measured(run, self.settings, written)


def release(  # noqa: PLR0913 - what the callers differ in
    bench: Bench,
    system: str,
    settings: Settings,
    workload: Workload,
    child: Watched,
    started: Callable[[Watch], None],
) -> Released:
    """Start a system that reads what is committed, and let it have its events all at once.

    Once it has ``started`` and applied the consents, it gets the warm-up; once that is applied
    and nobody has anything to tell any more, the rest, which is timed. Both are loaded before it
    starts, so that nothing else is done while it runs.

    Raises:
        SesameError: It ended or makes no progress.
    """
    registry = open_registry(settings)
    send(workload.consents(registry), settings)
    bench.say(f"{system}: loading {workload.data_events:,} events")
    with Watch(settings) as watch, Backlog(settings) as warm_up, Backlog(settings) as timed:
        records = workload.records(registry)
        warm_up.load(islice(records, workload.warm_up_events))
        warm_ends = watch.ends(_DATA)
        timed.load(records)
        ends = watch.ends(_DATA)
        with child:
            bench.say(f"{system}: starting")
            started(watch)
            warm_up.release()
            wait_through(bench, f"{system}: warm-up", watch, child, warm_ends)
            wait_settled(watch, child)
            before = watch.ends([topic.name for topic in WRITTEN])
            released_at = time.time()
            timed.release()
            wait_through(bench, system, watch, child, ends)
            wait_settled(watch, child)
            peak = child.peak_rss_bytes
    return Released(released_at, before, child, peak / _MB, workload, settings)


def wait_ready(port: int, child: Child, within_s: float = _STALLED_S) -> None:
    """Wait until the process says at its port that it is ready: restored and caught up.

    Raises:
        ChildEndedError: The process ended.
        SesameError: It is not ready in time.
    """
    wait_all_ready([(port, child)], within_s)


def wait_all_ready(children: Sequence[tuple[int, Child]], within_s: float = _STALLED_S) -> None:
    """Wait until processes, with their ports, are all ready at one time.

    One that joins takes partitions from those that were ready before.

    Raises:
        ChildEndedError: A process ended.
        SesameError: They are not ready in time.
    """
    deadline = time.monotonic() + within_s
    with httpx.Client() as client:
        while time.monotonic() < deadline:
            for _, child in children:
                child.check()
            if all(_is_ready(port, client) for port, _ in children):
                return
            time.sleep(_READY_POLL_S)
    raise SesameError(f"a process was not ready within {within_s:.0f} s")


def _is_ready(port: int, client: httpx.Client) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return client.get(f"http://127.0.0.1:{port}/health/ready").is_success
    return False


def wait_through(bench: Bench, system: str, watch: Watch, child: Watched, ends: Offsets) -> None:
    """Wait until the group has committed everything up to ``ends``.

    Raises:
        ChildEndedError: The process ended.
        SesameError: It makes no progress.
    """
    total = least = sum(ends.values())
    advanced_at = time.monotonic()
    while left := watch.behind(ends):
        child.check()
        if left < least:
            least, advanced_at = left, time.monotonic()
        if time.monotonic() - advanced_at > _STALLED_S:
            raise SesameError(f"{system} stands still at {total - left:,} of {total:,} records")
        bench.say(f"{system}: {total - left:,} of {total:,} records")
        time.sleep(_POLL_S)


def wait_settled(watch: Watch, child: Watched) -> None:
    """Wait until the people have told each other all there is to tell."""
    quiet_since, last = time.monotonic(), None
    while time.monotonic() - quiet_since < _SETTLED_S:
        child.check()
        now = (watch.ends([topics.PEER_SIGNALS.name, topics.SCORES.name]), watch.committed())
        if now != last:
            quiet_since, last = time.monotonic(), now
        time.sleep(_POLL_S)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
