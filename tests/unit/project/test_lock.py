import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[3]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME = PYPROJECT["project"]["dependencies"]
BUILD = PYPROJECT["dependency-groups"]["build"]
EXTRAS = PYPROJECT["project"]["optional-dependencies"]
DEVELOP = [*RUNTIME, *BUILD, *EXTRAS["dev"], *EXTRAS["lint"], *EXTRAS["test"]]
DECLARED = {
    "requirements.lock": RUNTIME,
    "requirements-build.lock": BUILD,
    "requirements-dev.lock": DEVELOP,
    "requirements-train.lock": [*DEVELOP, *EXTRAS["train"]],
    "requirements-bench.lock": [*RUNTIME, *BUILD, *EXTRAS["bench"]],
}
APART = {"requirements-bench.lock"}
"""Installed beside nothing else, as its packages hold others back."""
LOCKS = sorted(DECLARED)
ENTRY = re.compile(r"^([a-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)


def pins(lock: str) -> dict[str, list[Version]]:
    found: dict[str, list[Version]] = {}
    for name, version in ENTRY.findall((ROOT / lock).read_text()):
        found.setdefault(canonicalize_name(name), []).append(Version(version))
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_satisfies_the_declared_dependencies(lock: str) -> None:
    locked = pins(lock)
    for requirement in map(Requirement, DECLARED[lock]):
        versions = locked.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement.name} is not in {lock}: make lock"
        assert all(version in requirement.specifier for version in versions), requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_hashes(lock: str) -> None:
    entries = re.split(r"\n(?=[a-z0-9])", (ROOT / lock).read_text())[1:]
    assert len(entries) >= len(DECLARED[lock])
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_names_no_address_and_no_folder(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert not re.search(r"://|--index|--find-links|(^|\s)/\w", text)


def test_the_locks_agree_on_every_version() -> None:
    train = pins("requirements-train.lock")
    for lock in set(LOCKS) - APART:
        assert {name: train[name] for name in pins(lock)} == pins(lock)
