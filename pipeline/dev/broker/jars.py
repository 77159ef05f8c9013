"""Kafka's jars: a hashed lock, and a cache directory filled from wherever they can be had."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from pipeline.dev.broker.errors import BrokerError
from pipeline.resources import broker_jars_lock

KAFKA_VERSION = "4.1.1"
_DOWNLOADS = 8


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the lock."""

    group: str
    name: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The name Maven gives the file."""
        return f"{self.name}-{self.version}.jar"

    def is_at(self, path: Path) -> bool:
        """Whether the file is there and is the locked one."""
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256


def cache_directory() -> Path:
    """Where downloads are kept: SESAME_CACHE_DIR, or the user's cache directory."""
    chosen = os.environ.get("SESAME_CACHE_DIR")
    return Path(chosen) if chosen else user_cache_path("sesame")


def read_lock() -> list[Jar]:
    """The locked jars."""
    text = broker_jars_lock().read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [_jar(*line.split()) for line in lines]


def _jar(coordinates: str, sha256: str) -> Jar:
    group, name, version = coordinates.split(":")
    return Jar(group, name, version, sha256)


def provide(directory: Path) -> list[Path]:
    """Make every locked jar stand in ``directory``, hash-checked, and return their paths.

    Missing ones come from Maven's local repository, then through Maven where it is
    installed (so that its mirrors and credentials hold), else by download.

    Raises:
        BrokerError: A jar cannot be had or is not the locked one.
    """
    jars = read_lock()
    missing = [jar for jar in jars if not jar.is_at(directory / jar.file_name)]
    if missing:
        directory.mkdir(parents=True, exist_ok=True)
        # A class archive names the jars by time and size, so new jars make it useless.
        for archive in directory.glob("*.jsa"):
            archive.unlink(missing_ok=True)
        _fill(directory, missing)
    return [directory / jar.file_name for jar in jars]


def _fill(directory: Path, missing: list[Jar]) -> None:
    with tempfile.TemporaryDirectory(dir=directory, prefix="fetch-") as scratch:
        left = _take(missing, _in_local_repository(missing), directory)
        if left and shutil.which("mvn"):
            left = _take(left, _through_maven(left, Path(scratch)), directory)
        if left:
            left = _take(left, _by_download(left, Path(scratch)), directory)
    if left:
        names = ", ".join(f"{jar.group}:{jar.name}:{jar.version}" for jar in left)
        raise BrokerError(f"these jars are not as the lock says or cannot be had: {names}")


def _take(jars: list[Jar], found: Iterable[Path], directory: Path) -> list[Jar]:
    """Move what was found and is right into the directory; return what is still missing."""
    left = []
    for jar, path in zip(jars, found, strict=True):
        if jar.is_at(path):
            # Copied beside and renamed, as another process may be filling the same cache.
            draft = directory / f"{jar.file_name}.{os.getpid()}.draft"
            shutil.copyfile(path, draft)
            draft.replace(directory / jar.file_name)
        else:
            left.append(jar)
    return left


def _in_local_repository(jars: list[Jar]) -> list[Path]:
    root = Path(os.environ.get("M2_REPO", Path.home() / ".m2" / "repository"))
    return [root.joinpath(*j.group.split("."), j.name, j.version, j.file_name) for j in jars]


def _through_maven(jars: list[Jar], scratch: Path) -> list[Path]:
    items = "".join(
        f"<artifactItem><groupId>{jar.group}</groupId><artifactId>{jar.name}</artifactId>"
        f"<version>{jar.version}</version></artifactItem>"
        for jar in jars
    )
    pom = scratch / "pom.xml"
    pom.write_text(
        "<project><modelVersion>4.0.0</modelVersion><groupId>sesame</groupId>"
        "<artifactId>jars</artifactId><version>1</version><packaging>pom</packaging>"
        "<build><plugins><plugin><groupId>org.apache.maven.plugins</groupId>"
        "<artifactId>maven-dependency-plugin</artifactId><version>3.8.1</version>"
        f"<configuration><outputDirectory>{scratch}</outputDirectory>"
        f"<artifactItems>{items}</artifactItems></configuration></plugin></plugins></build>"
        "</project>"
    )
    subprocess.run(  # noqa: S603 - what it leaves missing is told by the caller
        ["mvn", "--batch-mode", "--quiet", "--file", pom, "dependency:copy"],  # noqa: S607
        capture_output=True,
        check=False,
    )
    return [scratch / jar.file_name for jar in jars]


def _by_download(jars: list[Jar], scratch: Path) -> list[Path]:
    from jgo.maven import MavenContext  # noqa: PLC0415 - slow to import, seldom needed

    chosen = os.environ.get("SESAME_MAVEN_REPOSITORY")
    context = MavenContext(
        repo_cache=scratch / "repository",
        remote_repos={"chosen": chosen} if chosen else None,
        timeout=60,
    )

    def fetch(jar: Jar) -> Path:
        component = context.project(jar.group, jar.name).at_version(jar.version)
        return Path(component.artifact(packaging="jar").resolve())

    try:
        with ThreadPoolExecutor(_DOWNLOADS) as pool:
            return list(pool.map(fetch, jars))
    except (OSError, RuntimeError) as error:
        raise BrokerError(f"Kafka's jars cannot be downloaded: {error}") from error
