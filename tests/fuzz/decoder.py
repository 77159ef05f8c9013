"""Coverage-guided fuzzing of the decoder: ``make fuzz`` runs it for as long as it is told.

Every input is taken as a batch of framed values; the batch decoder and the reader of single
records have to come to the same verdict on each, with the named reasons alone.
"""

import importlib
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipeline import topics

# `make fuzz` installs it; it has no wheel for every Python.
atheris: Any = importlib.import_module("atheris")

with atheris.instrument_imports(include=["pipeline.codec"]):
    from tests.fuzz.verdicts import RECORDS, check
    from tests.property.codec.records import body
    from tests.unit.codec.samples import SAMPLES

_SEPARATOR = b"\xc0\xde"


def one_input(data: bytes) -> None:
    """Check the values that the input stands for."""
    record = RECORDS[data[0] % len(RECORDS)] if data else RECORDS[0]
    check(record, data[1:].split(_SEPARATOR))


def seed(folder: Path) -> None:
    """Put a good record of every input there, to begin from."""
    for topic, fields in SAMPLES.items():
        record = str(next(t.record for t in topics.INPUTS if t.name == topic))
        seeded = bytes([RECORDS.index(record)]) + body(record, fields)
        (folder / record).write_bytes(seeded)


if __name__ == "__main__":
    with TemporaryDirectory() as seeds:
        seed(Path(seeds))
        atheris.Setup([*sys.argv, seeds], one_input)
        atheris.Fuzz()
