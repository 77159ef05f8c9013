"""The peers in Java, built with Maven once and kept in the cache folder."""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from pipeline.dev.broker.errors import BrokerError
from pipeline.dev.broker.java import find_java
from pipeline.errors import SesameError

SOURCES = Path(__file__).parents[3] / "bench" / "jvm"
_BUILD_S = 900.0
_LOG_TAIL_LINES = 25


class JvmBuildError(SesameError):
    """A peer in Java cannot be built or run."""


def java() -> Path:
    """The Java that runs the peers.

    Raises:
        JvmBuildError: There is none.
    """
    try:
        return find_java().executable
    except BrokerError as error:
        raise JvmBuildError(str(error)) from error


def class_path(module: str, cache: Path, say: Callable[[str], None]) -> str:
    """The class path of a module under ``bench/jvm``, built unless it is in ``cache``.

    Raises:
        JvmBuildError: There are no sources, no Maven, or they do not build.
    """
    built = _place(module, cache)
    if not built.is_dir():
        say(f"building {module} with Maven, once")
        _build(module, built)
    return os.pathsep.join([f"{built}/*", f"{built}/lib/*"])


def declared_version(module: str, artifact: str) -> str:
    """The version of a module's dependency.

    Raises:
        JvmBuildError: There is no such dependency.
    """
    for pom in (SOURCES / module / "pom.xml", SOURCES / "pom.xml"):
        text = pom.read_text(encoding="utf-8")
        found = re.search(rf"<artifactId>{artifact}</artifactId>\s*<version>(.+)</version>", text)
        if found:
            return found[1]
    raise JvmBuildError(f"{SOURCES / module} declares no {artifact}")


def _place(module: str, cache: Path) -> Path:
    if not SOURCES.is_dir():
        raise JvmBuildError(f"the peers in Java are built in a checkout; {SOURCES} is not there")
    return cache / f"jvm-{module}-{_digest()}"


def _maven() -> str:
    maven = shutil.which("mvn")
    if maven is None:
        raise JvmBuildError(
            "the peers in Java need Maven and a JDK 17 or later to be built, and no mvn is on "
            "PATH (Debian, Ubuntu: apt-get install maven default-jdk-headless)"
        )
    return maven


def _digest() -> str:
    """Of the names and contents of all sources, so that changed ones are built anew."""
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(f"{path.relative_to(SOURCES)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _sources() -> list[Path]:
    everything = sorted(path for path in SOURCES.rglob("*") if path.is_file())
    return [p for p in everything if p.suffix in {".java", ".xml"} and "target" not in p.parts]


def _build(module: str, built: Path) -> None:
    maven = _maven()
    built.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=built.parent, prefix="jvm-") as scratch:
        # Beside the cache, so that a checkout stays as it is.
        root = Path(scratch)
        for path in _sources():
            copy = root / path.relative_to(SOURCES)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        _package(maven, root, module)
        target, kept = root / module / "target", root / "kept"
        kept.mkdir()
        for jar in target.glob("*.jar"):
            jar.rename(kept / jar.name)
        (target / "lib").rename(kept / "lib")
        # Another process may have been quicker; both built the same.
        with contextlib.suppress(OSError):
            kept.rename(built)
    if not built.is_dir():
        raise JvmBuildError(f"{built} could not be put in place")


def _package(maven: str, root: Path, module: str) -> None:
    command = [maven, "--batch-mode", "--quiet", "--projects", module, "--also-make", "package"]
    try:
        done = subprocess.run(  # noqa: S603 - Maven from PATH on sources of ours
            command,
            cwd=root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_BUILD_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise JvmBuildError(f"Maven did not build {module} in {_BUILD_S:.0f} s") from error
    if done.returncode:
        tail = (done.stdout + done.stderr).splitlines()[-_LOG_TAIL_LINES:]
        raise JvmBuildError(f"Maven could not build {module}:\n" + "\n".join(tail))
