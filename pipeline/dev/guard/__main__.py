"""Count, compare, tell; or accept."""

import argparse
import sys

from pipeline.dev.guard import accepted
from pipeline.dev.guard.counts import BATCH, count
from pipeline.dev.guard.stages import YARDSTICK
from pipeline.errors import SesameError

_HOW = """The hot path costs more instructions than was accepted. If the change is worth it,
run `python -m pipeline.dev.guard --accept` and commit pipeline/dev/guard/accepted.json with the
reason; if not, make it cheaper: the stage that costs more is named above."""


def main() -> int:
    """The exit status: 1 where a stage costs more than accepted, 2 where it cannot be counted."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.dev.guard")
    parser.add_argument("--accept", action="store_true", help="keep today's figures")
    asked = parser.parse_args()
    try:
        counted = count()
    except SesameError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for name, instructions in counted.items():
        each, unit = (1, "") if name == YARDSTICK else (BATCH, " an event")
        sys.stdout.write(f"{name}: {instructions / each:,.0f} instructions{unit}\n")
    found = accepted.figures(counted)
    if asked.accept:
        accepted.save(found)
        return 0
    seen = list(accepted.changes(found, accepted.load()))
    sys.stdout.writelines(f"{change}\n" for change in seen)
    if any(change.trips for change in seen):
        sys.stderr.write(_HOW + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
