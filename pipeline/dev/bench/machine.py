"""Facts about the machine that figures are worth nothing without."""

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.dev.broker.errors import BrokerError
from pipeline.dev.broker.jars import KAFKA_VERSION
from pipeline.dev.broker.java import find_java

_KB = 1024


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


def facts(*, own_broker: bool) -> dict[str, Any]:
    """Cores, memory, load and versions, as they are now."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _first("/proc/cpuinfo", r"model name\s*:\s*(.+)"),
        "cores": processors(),
        "memory_gib": round(int(_first("/proc/meminfo", r"MemTotal:\s*(\d+)")) * _KB / 2**30, 1),
        "load_1m_at_start": os.getloadavg()[0],
        "system": platform.platform(),
        "python": platform.python_version(),
        "kafka": f"{KAFKA_VERSION}, one node on this machine" if own_broker else "given",
        "java": _java(),
        "commit": _commit(),
    }


def _first(path: str, pattern: str) -> str:
    found = re.search(pattern, Path(path).read_text())
    return found.group(1).strip() if found else "0"


def _java() -> str | None:
    try:
        executable = str(find_java().executable)
    except BrokerError:
        return None
    told = subprocess.run([executable, "-version"], capture_output=True, text=True, check=False)  # noqa: S603 - found above
    return next(iter(told.stderr.splitlines()), None)


def _commit() -> str | None:
    """The checkout's commit, with a mark where it was changed since; None outside of one."""
    asked = [
        "git",
        "-C",
        str(Path(__file__).parent),
        "describe",
        "--always",
        "--dirty",
        "--exclude=*",
    ]
    try:
        told = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    except OSError:
        return None
    return told.stdout.strip() or None
