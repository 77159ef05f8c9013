"""Count, compare, tell; or accept."""

import argparse
import sys
from collections.abc import Mapping

from pipeline.dev.guard import accepted
from pipeline.dev.guard.accepted import Accepted, Runtime
from pipeline.dev.guard.counts import BATCH, count
from pipeline.dev.guard.stages import YARDSTICK
from pipeline.errors import SesameError

_HOW = """The hot path costs other instructions than was accepted; the stage is named above. More:
make it cheaper, unless the change is worth it. Less: see that the stage still does its work. Then
run `python -m pipeline.dev.guard --accept` on each runtime in pipeline/dev/guard/accepted.json and
commit that file with the reason."""


def main() -> int:
    """The exit status: 1 where a stage costs more or less than accepted, 2 where none can say."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.dev.guard")
    parser.add_argument("--accept", action="store_true", help="keep today's figures")
    asked = parser.parse_args()
    runtime, kept = Runtime.here(), accepted.load()
    try:
        held = None if asked.accept else accepted.for_runtime(runtime, kept)
        counted = count()
    except SesameError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for name, instructions in counted.items():
        each, unit = (1, "") if name == YARDSTICK else (BATCH, " an event")
        sys.stdout.write(f"{name}: {instructions / each:,.0f} instructions{unit}\n")
    found = accepted.figures(counted)
    if held is None:
        return _accept(Accepted(runtime, found), kept)
    return _compare(found, held)


def _accept(new: Accepted, kept: list[Accepted]) -> int:
    now = accepted.replaced(kept, new)
    accepted.save(now)
    sys.stdout.write(f"accepted on {new.runtime}\n")
    sys.stdout.writelines(f"as before on {each.runtime}\n" for each in now if each is not new)
    return 0


def _compare(found: Mapping[str, float], held: Mapping[str, float]) -> int:
    seen = list(accepted.changes(found, held))
    sys.stdout.writelines(f"{change}\n" for change in seen)
    if any(change.trips for change in seen):
        sys.stderr.write(_HOW + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
