"""Peers that are Python programs: where they are installed, and a run of one.

Faust is a dependency of this project. Those of the others do not fit beside this project's, so
``make bench-install`` puts them and it into an environment of their own, ``bench`` within this one.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pipeline import topics
from pipeline.codec.open import open_registry
from pipeline.dev.bench.backlog import Loader
from pipeline.dev.bench.broker import Watch
from pipeline.dev.bench.child import Child
from pipeline.dev.bench.peers.notes import NOTES, Noted, read_notes
from pipeline.dev.bench.readback import PUBLISHED, read_outputs
from pipeline.dev.bench.systems import Bench, Measured, Released, environment, wait_settled
from pipeline.dev.bench.workload import Workload
from pipeline.dev.simulator.send import send
from pipeline.errors import SesameError
from pipeline.settings import Settings

INSTALL = "make bench-install"
PYTHON = "SESAME_BENCH_PYTHON"
"""Names a Python that has the peers, where it is another than ``INSTALL`` makes."""
_MB = 1_000_000
_POLL_S = 0.1
_STALLED_S = 120.0
_PROBE_S = 60.0
_VERSION = (
    "import importlib, sys\n"
    "from importlib.metadata import version\n"
    "for name in sys.argv[2:]: importlib.import_module(name)\n"
    "print(version(sys.argv[1]), 'on Python', sys.version.split()[0])"
)


def interpreter() -> str:
    """The Python that has the peers: the named one, that of their own environment, this one."""
    own = Path(sys.prefix) / "bench" / "bin" / "python"
    return os.environ.get(PYTHON) or str(own if own.exists() else sys.executable)


@dataclass(frozen=True, slots=True)
class PythonPeer:
    """A peer by its module; ``package`` and ``needs``: distribution and modules it imports.

    ``python`` tells the interpreter that runs it.
    """

    system: str
    module: str
    package: str
    needs: tuple[str, ...]
    python: Callable[[], str] = interpreter

    def version(self) -> str:
        """The version of its package, where it can be imported.

        Raises:
            SesameError: It cannot; the message says why.
        """
        command = [self.python(), "-c", _VERSION, self.package, *self.needs]
        try:
            told = subprocess.run(  # noqa: S603 - our own words
                command, capture_output=True, text=True, check=False, timeout=_PROBE_S
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SesameError(f"{error} (`{INSTALL}` installs it)") from error
        if told.returncode:
            last = (told.stderr.strip().splitlines() or ["it says nothing"])[-1]
            raise SesameError(f"{last} (`{INSTALL}` installs it)")
        return f"{self.package} {told.stdout.strip()}"

    def run(self, bench: Bench, workload: Workload, number: int, settings: Settings) -> Measured:
        """The peer on a workload: consents first, then the warm-up, then the timed events.

        It is held still while either are loaded, so that loading takes nothing from it. The
        time is from when it is let go to the last event applied, as it notes that itself.
        """
        registry = open_registry(settings)
        consents = len(workload.history.events[topics.CONSENTS])
        send(workload.consents(registry), settings)
        notes = bench.folder / f"{self.system}-{number}-notes.json"
        notes.unlink(missing_ok=True)
        # Stores go to the bench's folder, which is removed whatever way the peer ends.
        told = environment(settings) | {NOTES: str(notes), "TMPDIR": str(bench.folder)}
        log = bench.folder / f"{self.system}-{number}.log"
        records, loader = workload.records(registry), Loader(settings)
        with (
            Watch(settings) as watch,
            Child([self.python(), "-m", self.module], told, log) as child,
        ):
            bench.say(f"{self.system}: applying {consents:,} consents")
            self._wait(child, notes, lambda noted: noted.consents, consents)
            bench.say(f"{self.system}: {workload.warm_up_events:,} events to warm up")
            with held(child.pid):
                loader.load(islice(records, workload.warm_up_events))
            self._wait(child, notes, lambda noted: noted.events, workload.warm_up_events)
            wait_settled(watch, child)
            bench.say(f"{self.system}: {workload.timed_events:,} events")
            with held(child.pid):
                loader.load(records)
                before = watch.ends([topic.name for topic in PUBLISHED])
            released_at = time.time()
            self._wait(child, notes, lambda noted: noted.events, workload.data_events)
            wait_settled(watch, child)
            peak = child.peak_rss_bytes / _MB
        noted = read_notes(notes)
        if noted.events != workload.data_events:
            raise SesameError(f"{self.system} took {noted.events} of {workload.data_events} events")
        released = Released(released_at, before, child, peak, workload, settings)
        return released.measured(self.system, number, noted.last_at, read_outputs(settings, before))

    def _wait(self, child: Child, notes: Path, of: Callable[[Noted], int], wanted: int) -> None:
        most, advanced_at = 0, time.monotonic()
        while (found := of(read_notes(notes))) < wanted:
            child.check()
            if found > most:
                most, advanced_at = found, time.monotonic()
            if time.monotonic() - advanced_at > _STALLED_S:
                raise SesameError(f"{self.system} stands still at {found:,} of {wanted:,}")
            time.sleep(_POLL_S)


@contextmanager
def held(pid: int) -> Iterator[None]:
    """A process that stands still meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


FAUST = PythonPeer(
    "faust",
    "pipeline.dev.bench.peers.faust_peer",
    "faust-streaming",
    ("faust",),
    python=lambda: sys.executable,
)
QUIX = PythonPeer(
    "quix", "pipeline.dev.bench.peers.quix_peer", "quixstreams", ("quixstreams", "rocksdict")
)
BYTEWAX = PythonPeer(
    "bytewax",
    "pipeline.dev.bench.peers.bytewax_peer",
    "bytewax",
    ("bytewax.run", "bytewax.connectors.kafka.operators"),
)
