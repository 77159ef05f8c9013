"""A partner that reads slowly, and one whose disk is full."""

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from prometheus_client import CollectorRegistry

from pipeline import topics
from pipeline.codec.partner_reads import decode_outcomes, decode_partner_score
from pipeline.codec.registry import FileRegistry
from pipeline.dev.chaos.errors import ChaosError
from pipeline.dev.chaos.load import END_MS
from pipeline.dev.chaos.logs import read
from pipeline.dev.chaos.scenarios.base import Scenario
from pipeline.dev.chaos.stage import PARTNERS, Plan, Stage
from pipeline.errors import SesameError
from pipeline.partners.client import PartnerClient
from pipeline.partners.records import Change, OutcomeReport
from pipeline.partners.vocabulary import ContractKind, ContractStatus

_PARTNER = PARTNERS[0]
_READY_S = 60.0
_TROUBLE_S = 60.0
_POLL_S = 0.1
_REPORTS_MAX = 2_000
View = dict[str, int]
"""Subjects with the sequence of what is seen of them."""


class PartnerScenario(Scenario):
    """One with a partner's client, whose view must in the end be what its topic says."""

    plan: ClassVar[Plan] = Plan(workers=2, gateways=1)

    def follow(self, store: Path) -> PartnerClient:
        """A client of a partner, closed with the scenario."""
        client = PartnerClient(
            _PARTNER, settings=self.stage.settings, store=store, collectors=CollectorRegistry()
        )
        return self.open.enter_context(client)

    def shown(self) -> int:
        """Records the gateway has written for the partner."""
        return len(self.stage.witness.records(topics.partner_scores(_PARTNER)))

    def conclude_with(self, client: PartnerClient) -> None:
        """Hold the view against the topic once nothing more comes.

        Raises:
            ChaosError: They differ.
        """
        wanted = _latest(self.stage)
        deadline = time.monotonic() + _READY_S
        while (found := {seen.subject: seen.sequence for seen in client.everyone()}) != wanted:
            if time.monotonic() > deadline:
                differ = {s for s in wanted | found if wanted.get(s) != found.get(s)}
                problem = client.state.problem
                raise ChaosError(f"{len(differ)} people differ in a partner's view; {problem}")
            time.sleep(_POLL_S)


def _latest(stage: Stage) -> View:
    registry = FileRegistry()
    latest = {r.key: r.value for r in stage.witness.records(topics.partner_scores(_PARTNER))}
    return {
        key.decode(): decode_partner_score(value, registry)["sequence"]
        for key, value in latest.items()
        if key is not None and value is not None
    }


class SlowPartner(PartnerScenario):
    """A partner stops reading for a while, and is slow afterwards."""

    name = "slow-partner"
    promise = "a partner that reads slowly holds up nobody and ends up with the same view"

    STILL_S: ClassVar[float] = 15.0
    A_CHANGE_S: ClassVar[float] = 0.02

    def run(self) -> None:
        """Have the client stand still in the middle of a batch, then dawdle."""
        stage = self.stage
        self._client = client = self.follow(stage.directory / "slow.sqlite")
        client.wait_ready(_READY_S)
        go_on, hurry = threading.Event(), threading.Event()
        self.open.callback(hurry.set)
        self.open.callback(go_on.set)

        def dawdle(_: Change) -> None:
            go_on.wait()
            hurry.wait(self.A_CHANGE_S)

        client.on_change(dawdle)
        before, applied = self.shown(), stage.applied()
        stage.go_on(self.STILL_S)
        if self.shown() == before or stage.applied() == applied:
            raise ChaosError("a partner that stands still holds up the others")
        go_on.set()
        stage.go_on(self.STILL_S / 3)
        hurry.set()

    def conclude(self) -> None:
        """Its view is the topic's."""
        self.conclude_with(self._client)


class FullDisk(PartnerScenario):
    """The disk a partner keeps its view and its reports on is full."""

    name = "full-disk"
    promise = (
        "a partner whose disk is full says so, refuses reports instead of losing them, and goes "
        "on once there is space; workers and gateways keep nothing on disk"
    )
    DISK: ClassVar[str] = "1m"

    @classmethod
    def missing(cls) -> str | None:
        """It needs a small file system of its own."""
        if shutil.which("mount") is None:
            return "there is no mount"
        probe = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
        done = subprocess.run(probe, capture_output=True, check=False)  # noqa: S603 - ours
        return None if done.returncode == 0 else "a small file system cannot be mounted"

    def run(self) -> None:
        """Fill it, see that it is told, make space."""
        disk = self.stage.directory / "disk"
        self.open.enter_context(_small_disk(disk, self.DISK))
        self._client = client = self.follow(disk / "view.sqlite")
        client.wait_ready(_READY_S)
        self.stage.until(lambda: client.subjects > 0, _READY_S, "somebody to be seen")
        subject = next(client.everyone()).subject
        self._about = subject, ContractKind.RENTAL, ContractStatus.OPENED, END_MS
        self._taken: set[str] = set()
        filler = disk / "filler"
        _fill(filler)
        applied = self.stage.applied()
        self.stage.until(lambda: "full" in (client.state.problem or ""), _TROUBLE_S, "an error")
        self._refuses_reports(client)
        self.stage.until(lambda: self.stage.applied() > applied, _TROUBLE_S, "progress of others")
        filler.unlink()
        self.stage.until(lambda: client.state.problem is None, _TROUBLE_S, "recovery")
        self._report(client, 0)
        client.flush(_TROUBLE_S)

    def conclude(self) -> None:
        """Its view is the topic's, and what it took in was delivered."""
        self.conclude_with(self._client)
        topic = topics.partner_outcomes(_PARTNER)
        found = list(read(self.stage.settings, topic))
        keys, values = [r.key for r in found], [r.value for r in found]
        rows = decode_outcomes(topic, keys, values, FileRegistry()).rows
        if missing := self._taken - {row["event_id"] for row in rows}:
            raise ChaosError(f"{len(missing)} reports were taken in and never delivered")

    def _report(self, client: PartnerClient, number: int) -> None:
        self._taken.add(client.report(OutcomeReport(f"chaos-{number}", *self._about)))

    def _refuses_reports(self, client: PartnerClient) -> None:
        for number in range(1, _REPORTS_MAX):
            try:
                self._report(client, number)
            except SesameError as error:
                if "full" in str(error):
                    return
                raise
        raise ChaosError(f"a full disk took {_REPORTS_MAX} reports")


@contextmanager
def _small_disk(at: Path, size: str) -> Iterator[None]:
    at.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(at)]
    subprocess.run(mount, check=True)  # noqa: S603 - our own folder
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=False)  # noqa: S603, S607 - our own


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as out, suppress(OSError):
        while True:
            out.write(bytes(4096))
