import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
# What the training group installs is told here, as it may not be installed.
DISTRIBUTIONS = {"sklearn": ["scikit-learn"], **packages_distributions()}
OURS = {"pipeline", "tests"}


def declared(*groups: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for group in groups for line in group}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def undeclared(folder: Path, known: set[str], *, without: tuple[Path, ...] = ()) -> set[str]:
    paths = [p for p in folder.rglob("*.py") if not any(p.is_relative_to(w) for w in without)]
    assert paths
    names = {name for path in paths for name in imported(path)}
    third_party = names - OURS - set(sys.stdlib_module_names)
    return {
        name
        for name in third_party
        if not known & {canonicalize_name(d) for d in DISTRIBUTIONS.get(name, [name])}
    }


RUNTIME = declared(PROJECT["dependencies"])
DEV = declared(EXTRAS["dev"])
TRAIN = declared(EXTRAS["train"])
TEST = declared(EXTRAS["test"])
BENCH = declared(EXTRAS["bench"])
DEV_FOLDER = ROOT / "pipeline" / "dev"
TRAINING_FOLDER = ROOT / "pipeline" / "training"


def test_what_runs_in_production_imports_declared_packages_only() -> None:
    without = (DEV_FOLDER, TRAINING_FOLDER)
    assert undeclared(ROOT / "pipeline", RUNTIME, without=without) == set()


@pytest.mark.parametrize(
    ("folder", "known"),
    [
        (DEV_FOLDER, RUNTIME | DEV | BENCH),
        (TRAINING_FOLDER, RUNTIME | TRAIN),
        (ROOT / "tests", RUNTIME | DEV | TRAIN | TEST),
    ],
    ids=["dev", "training", "tests"],
)
def test_each_optional_part_imports_what_its_group_declares(folder: Path, known: set[str]) -> None:
    assert undeclared(folder, known) == set()
