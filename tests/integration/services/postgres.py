"""A PostgreSQL server of one's own, from what is installed."""

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.integration.support.worker import free_port

START_S = 240.0
_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
_OTHER_USERS = ("postgres", "nobody")


def programs() -> tuple[str, str]:
    """``initdb`` and ``postgres``; skips the test where they are not installed."""
    places = os.pathsep.join([*map(str, _FOLDERS), os.environ.get("PATH", "")])
    found = [shutil.which(name, path=places) for name in ("initdb", "postgres")]
    if found[0] is None or found[1] is None:
        pytest.skip("PostgreSQL is not installed: no initdb and postgres")
    return found[0], found[1]


def other_user() -> list[str]:
    """What runs a command as somebody else where we are root, whom PostgreSQL refuses."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    users = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = next((users[name] for name in _OTHER_USERS if name in users), None)
    if setpriv is None or user is None:
        pytest.skip("PostgreSQL does not run as root, and there is no setpriv or no other user")
    return [setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A server on the loopback; gives the address of its database, without a scheme."""
    initdb, server = programs()
    prefix = other_user()
    data = folder / "data"
    data.mkdir(mode=0o700)
    if prefix:
        shutil.chown(data, int(prefix[1].partition("=")[2]), int(prefix[2].partition("=")[2]))
    with (folder / "log").open("w") as log:
        made = [*prefix, initdb, "-D", str(data), "-U", "shop", "--auth=trust", "--no-sync"]
        subprocess.run(made, check=True, stdout=log, stderr=log, cwd="/")  # noqa: S603 - installed
        port = free_port()
        started = [*prefix, server, "-D", str(data), "-p", str(port), "-k", "", "-F"]
        started += ["-c", "listen_addresses=127.0.0.1"]
        process = subprocess.Popen(started, stdout=log, stderr=log, cwd="/")  # noqa: S603 - same
        try:
            address = f"shop@127.0.0.1:{port}/postgres"
            wait_until_answering(address, process, folder / "log")
            yield address
        finally:
            process.terminate()
            process.wait(120)


def wait_until_answering(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline_s = time.monotonic() + START_S
    while True:
        try:
            psycopg.connect(f"postgresql://{address}").close()
        except psycopg.OperationalError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline_s, log.read_text()
            time.sleep(0.1)
        else:
            return
