"""Runs a command that must not outlive the process that asked for it.

`python guard.py PARENT_PID LOG_FILE DIRECTORY COMMAND...` prints the command's pid, waits for
it, and once the parent is gone, however it went, kills it and removes the directory (none if
empty). A death signal on the command alone would not do: Linux sends it when the parent's
*thread* ends. Standard library only, as it is run by path.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

_POLL_S = 0.2
_PR_SET_PDEATHSIG = 1


def _die_with_the_guard() -> None:
    with contextlib.suppress(AttributeError, OSError):  # elsewhere than on Linux
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(parent: int, log: Path, leftover: str, command: list[str]) -> int:
    """Run the command and return its exit status, negative for a signal."""
    with log.open("ab") as output:
        child = subprocess.Popen(  # noqa: S603 - run on the parent's word
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_the_guard,  # noqa: PLW1509 - this process has one thread
        )
    print(child.pid, flush=True)  # noqa: T201 - the parent reads it
    while os.getppid() == parent:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(_POLL_S)
    child.kill()
    status = child.wait()
    if leftover:
        shutil.rmtree(leftover, ignore_errors=True)
    return status


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4:]) & 0xFF)
