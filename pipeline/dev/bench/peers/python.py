"""Peers that are Python programs: where they are installed, and a run of one.

Their dependencies do not fit beside this project's, so ``make bench-install`` puts them and
it into an environment of their own, ``bench`` within this one.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline import topics
from pipeline.codec.open import open_registry
from pipeline.dev.bench.arithmetic import Window, run_of
from pipeline.dev.bench.broker import Watch
from pipeline.dev.bench.child import Child
from pipeline.dev.bench.peers.notes import NOTES, Noted, read_notes
from pipeline.dev.bench.systems import Bench, Measured, environment, wait_settled
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
    "import importlib, json, sys\n"
    "from importlib.metadata import version\n"
    "for name in sys.argv[2:]: importlib.import_module(name)\n"
    "print(json.dumps(version(sys.argv[1])))"
)


@dataclass(frozen=True, slots=True)
class PythonPeer:
    """A peer by its module; ``package`` and ``needs``: distribution and modules it imports."""

    system: str
    module: str
    package: str
    needs: tuple[str, ...]

    def version(self) -> str:
        """The version of its package, where it can be imported.

        Raises:
            SesameError: It cannot; the message says why.
        """
        command = [interpreter(), "-c", _VERSION, self.package, *self.needs]
        try:
            told = subprocess.run(  # noqa: S603 - our own words
                command, capture_output=True, text=True, check=False, timeout=_PROBE_S
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SesameError(f"{error} (`{INSTALL}` installs it)") from error
        if told.returncode:
            last = (told.stderr.strip().splitlines() or ["it says nothing"])[-1]
            raise SesameError(f"{last} (`{INSTALL}` installs it)")
        return f"{self.package} {json.loads(told.stdout)}"

    def run(self, bench: Bench, workload: Workload, number: int, settings: Settings) -> Measured:
        """The peer on a workload: consents first, then all data at once.

        It is held still while the data are loaded, so that loading takes nothing from it. The
        time is from when it is let go to the last event applied, as it notes that itself.
        """
        registry = open_registry(settings)
        consents = len(workload.history.events[topics.CONSENTS])
        send(workload.consents(registry), settings)
        notes = bench.folder / f"{self.system}-{number}-notes.json"
        notes.unlink(missing_ok=True)
        # Stores go to the bench's folder, which is removed whatever way the peer ends.
        told = environment(settings) | {NOTES: str(notes), "TMPDIR": str(bench.folder)}
        command = [interpreter(), "-m", self.module]
        log = bench.folder / f"{self.system}-{number}.log"
        with Watch(settings) as watch, Child(command, told, log) as child:
            bench.say(f"{self.system}: applying {consents:,} consents")
            self._wait(child, notes, lambda noted: noted.consents, consents)
            bench.say(f"{self.system}: loading {workload.data_events:,} events")
            with held(child.pid):
                send(workload.data(registry), settings)
            released_at = time.time()
            bench.say(f"{self.system}: {workload.data_events:,} events")
            self._wait(child, notes, lambda noted: noted.events, workload.data_events)
            wait_settled(watch, child)
            peak = child.peak_rss_bytes
            samples = list(child.samples)
        noted = read_notes(notes)
        if noted.events != workload.data_events:
            raise SesameError(f"{self.system} took {noted.events} of {workload.data_events} events")
        seen = Window(released_at, noted.last_at, noted.events)
        return Measured(run_of(self.system, number, [seen], samples, peak / _MB), settings)

    def _wait(self, child: Child, notes: Path, of: Callable[[Noted], int], wanted: int) -> None:
        most, advanced_at = 0, time.monotonic()
        while (found := of(read_notes(notes))) < wanted:
            child.check()
            if found > most:
                most, advanced_at = found, time.monotonic()
            if time.monotonic() - advanced_at > _STALLED_S:
                raise SesameError(f"{self.system} stands still at {found:,} of {wanted:,}")
            time.sleep(_POLL_S)


def interpreter() -> str:
    """The Python that has the peers: the named one, that of their own environment, this one."""
    own = Path(sys.prefix) / "bench" / "bin" / "python"
    return os.environ.get(PYTHON) or str(own if own.exists() else sys.executable)


@contextmanager
def held(pid: int) -> Iterator[None]:
    """A process that stands still meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


QUIX = PythonPeer(
    "quix", "pipeline.dev.bench.peers.quix_peer", "quixstreams", ("quixstreams", "rocksdict")
)
BYTEWAX = PythonPeer(
    "bytewax",
    "pipeline.dev.bench.peers.bytewax_peer",
    "bytewax",
    ("bytewax.run", "bytewax.connectors.kafka.operators"),
)
