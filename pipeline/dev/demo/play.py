"""Play the events, and watch until everything that follows from them has happened."""

import time
from collections import Counter
from dataclasses import dataclass

from pipeline.dev.demo.background import Background
from pipeline.dev.demo.errors import DemoError
from pipeline.dev.demo.interrupts import Interrupts
from pipeline.dev.demo.outputs import Outputs
from pipeline.dev.demo.pace import Pace
from pipeline.dev.demo.progress import Figures, Progress
from pipeline.dev.demo.readings import GatewayReading, PartnerReading, WorkerReading
from pipeline.dev.demo.services import POLL_S, Services
from pipeline.dev.simulator.send import Report, send
from pipeline.dev.simulator.traffic import Traffic
from pipeline.settings import Settings

SETTLED_POLLS = 4
"""So many looks in a row must find nothing waiting and nothing changed."""
STALLED_S = 60.0
_COUNT_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Played:
    """What came of the events; ``seconds`` from the first sent to the last applied."""

    sent: Report
    reading: WorkerReading
    lag: int
    seconds: float


@dataclass(frozen=True, slots=True)
class _Look:
    """Everything that must stand still before all is done."""

    worker: WorkerReading
    gateway: GatewayReading
    partners: tuple[PartnerReading, ...]
    sent: int
    score_records: int
    dead_letters: int

    @property
    def lag(self) -> int:
        """Records sent but not applied, the signals between people included."""
        return max(0, self.sent - self.worker.taken) + self.worker.signals_waiting

    @property
    def followed(self) -> bool:
        """Whether all that was written has been read, by us, the gateway and the partners."""
        return (
            self.score_records >= self.worker.scores
            and self.dead_letters >= self.worker.dead_letters
            and self.gateway.consents >= self.worker.consents
            and self.gateway.scores >= self.worker.scores
            and all(p.ready for p in self.partners)
            and sum(p.records for p in self.partners) >= self.gateway.shown
        )


class _Sender:
    """Sends in a thread, counting; can be told to leave off."""

    def __init__(self, traffic: Traffic, settings: Settings) -> None:
        self.sent = 0
        self._cancelled = False
        self.task = Background(lambda: send(traffic, settings, progress=self._add))

    def cancel(self) -> None:
        """Leave off soon; the task raises."""
        self._cancelled = True
        self.task.wait(2.0)

    def _add(self, count: int) -> None:
        if self._cancelled:
            raise DemoError("sending was cancelled")
        self.sent += count


@dataclass(frozen=True, slots=True)
class Stage:
    """What a demo plays on: a Kafka with topics, the services, and who looks on."""

    settings: Settings
    services: Services
    progress: Progress
    interrupts: Interrupts


def play(traffic: Traffic, outputs: Outputs, stage: Stage) -> Played:
    """Send everything and wait until nothing is left to happen.

    Raises:
        DemoError: A process ended, or nothing moved for STALLED_S.
        InterruptedDemoError: Somebody wants it to end.
    """
    began = time.monotonic()
    sender = _Sender(traffic, stage.settings)
    try:
        return _watch(_Watch(traffic, outputs, stage, sender, began))
    finally:
        sender.cancel()


@dataclass(slots=True)
class _Watch:
    """What a look needs, and what is remembered between looks."""

    traffic: Traffic
    outputs: Outputs
    stage: Stage
    sender: _Sender
    began: float
    bands: Counter[str | None] | None = None
    counted_at: float = 0.0

    def look(self) -> _Look:
        """Ask everybody."""
        self.outputs.check()
        return _Look(
            worker=self.stage.services.worker_reading(),
            gateway=self.stage.services.gateway_reading(),
            partners=tuple(self.stage.services.partner_readings()),
            sent=self.sender.sent,
            score_records=self.outputs.score_records,
            dead_letters=self.outputs.dead_letters.total(),
        )

    def show(self, look: _Look, per_second: float) -> None:
        """Show a look."""
        now = time.monotonic()
        if self.bands is None or now - self.counted_at >= _COUNT_EVERY_S:
            self.bands = Counter(score["band"] for score in self.outputs.scores().values())
            self.counted_at = now
        by_band = {band: people for band, people in self.bands.items() if band is not None}
        done = self.sender.task.done
        self.stage.progress.show(
            Figures(
                planned=look.sent if done else self.traffic.expected_records,
                sent=look.sent,
                applied=look.worker.taken,
                per_second=per_second,
                lag=look.lag,
                scored=sum(by_band.values()),
                thin_file=self.bands[None],
                dead_letters=look.dead_letters,
                shown=sum(p.subjects for p in look.partners),
                bands=by_band,
            )
        )


def _watch(watch: _Watch) -> Played:
    pace = Pace()
    before: _Look | None = None
    still = 0
    moved_at = applied_at = time.monotonic()
    while still < SETTLED_POLLS:
        watch.stage.interrupts.sleep(POLL_S)
        if watch.sender.task.done:
            watch.sender.task.result()
        look, now = watch.look(), time.monotonic()
        if before is None or look.worker.taken != before.worker.taken:
            applied_at = now
        if look != before:
            moved_at = now
        elif now - moved_at > STALLED_S:
            raise DemoError(_standstill(look))
        settled = watch.sender.task.done and not look.lag and look.followed
        still = still + 1 if settled and look == before else 0
        watch.show(look, pace.add(now, look.worker.taken))
        before = look
    assert before is not None  # noqa: S101 - the loop has run
    watch.counted_at = 0.0
    watch.show(before, 0.0)
    return Played(watch.sender.task.result(), before.worker, before.lag, applied_at - watch.began)


def _standstill(look: _Look) -> str:
    return (
        f"nothing has moved for {STALLED_S:.0f} s: {look.sent:,} records sent, "
        f"{look.worker.taken:,} applied, {look.worker.signals_waiting:,} signals between people "
        f"waiting, {look.score_records:,} of {look.worker.scores:,} scores read, "
        f"{look.gateway.scores:,} by the gateway"
    )
