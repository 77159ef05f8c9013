from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.services.local import Local, local


@pytest.fixture
def rentals(tmp_path: Path) -> Iterator[Local]:
    with local("car-rental", tmp_path) as made:
        yield made


@pytest.fixture
def loans(tmp_path: Path) -> Iterator[Local]:
    with local("microloan", tmp_path) as made:
        yield made
