"""Removes a directory once the process that holds this one's standard input is gone.

`python janitor.py DIRECTORY`. Even kill -9 closes a pipe. Standard library only, as it is
run by path.
"""

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path

_PATIENCE_S = 15.0
"""How long children that end with the same process may still write into the directory."""


def main(directory: Path) -> None:
    """Wait for the end of the input, then remove the directory, however often it takes."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        while os.read(0, 1):
            pass
    deadline = time.monotonic() + _PATIENCE_S
    while directory.exists() and time.monotonic() < deadline:
        shutil.rmtree(directory, ignore_errors=True)
        time.sleep(0.1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
