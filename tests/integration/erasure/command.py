"""The command as somebody runs it, and a Kafka that is made to compact."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from pipeline import provision, topics
from pipeline.cli.main import app
from tests.integration.support.gateway import SharedStream
from tests.integration.support.stream import Input
from tests.integration.support.worker import PATIENT

_COMPACT = {
    "segment.ms": "100",
    "max.compaction.lag.ms": "100",
    "min.cleanable.dirty.ratio": "0.01",
    "delete.retention.ms": "60000",
}
_SEGMENT_S = 0.2
_COMPACTED_S = 240.0


@dataclass(frozen=True, slots=True)
class Done:
    """How the command ended."""

    status: int
    output: str
    errors: str

    @property
    def told(self) -> Any:
        return json.loads(self.output)


def sesame(stream: SharedStream, *arguments: str) -> Done:
    """Run the command here: starting an interpreter takes longer than most of them."""
    result = CliRunner().invoke(app, arguments, env={**stream.variables, **PATIENT})
    return Done(result.exit_code, result.stdout, result.stderr)


def erase(stream: SharedStream, user: str, *more: str) -> dict[str, Any]:
    """Erase somebody; the receipt."""
    done = sesame(stream, "erase", user, "--yes", "--json", *more)
    assert done.status == 0, done.errors
    receipt: dict[str, Any] = done.told["receipt"]
    return receipt


def check(stream: SharedStream, receipt: Mapping[str, Any], folder: Path) -> Done:
    file = folder / "receipt.json"
    file.write_text(json.dumps(receipt))
    return sesame(stream, "erase", "--check", str(file), "--json")


def states(done: Done) -> dict[str, set[str]]:
    """What became of the entries, by table."""
    found: dict[str, set[str]] = {}
    for finding in done.told["findings"]:
        found.setdefault(finding["table"], set()).add(finding["state"])
    return found


def configure(stream: SharedStream, names: Iterable[str], entries: Mapping[str, str]) -> None:
    """Change topics' configurations on the broker."""
    change = provision.Action.CONFIGURE
    changes = [provision.Difference(stream.prefix + name, change, "", entries) for name in names]
    with provision.admin(stream.settings) as client:
        provision.apply(client, stream.settings, changes)


def compact(
    stream: SharedStream, compacted: Iterable[topics.Topic], done: Callable[[], bool]
) -> None:
    """Make the broker compact topics, closing their segments by writing on, until it has."""
    chosen = list(compacted)
    configure(stream, [topic.name for topic in chosen], _COMPACT)
    deadline = time.monotonic() + _COMPACTED_S
    while not done():
        assert time.monotonic() < deadline, f"not compacted after {_COMPACTED_S} s"
        time.sleep(_SEGMENT_S)
        stream.send(
            Input(topic, b"\xff-nobody", b"", partition=number)
            for topic in chosen
            for number in range(stream.partitions)
        )
