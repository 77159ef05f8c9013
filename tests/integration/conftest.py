"""Integration tests speak to a real Kafka; each test has topics of its own."""

from pathlib import Path
from uuid import uuid4

import pytest

# Before anything imports it: a module that is imported already is not rewritten any more.
pytest.register_assert_rewrite(
    "tests.integration.support",
    "tests.integration.replay.commands",
    "tests.integration.dev.bench.peers",
)

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.integration)


@pytest.fixture
def topic_prefix() -> str:
    """Put before topic names, so that no test sees another's records."""
    return f"test-{uuid4().hex[:10]}."
