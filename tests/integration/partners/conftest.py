from pathlib import Path

import pytest

from tests.integration.partners.topics import PartnerTopics


@pytest.fixture
def empty(kafka: str, topic_prefix: str, tmp_path: Path) -> PartnerTopics:
    """A partner without topics."""
    return PartnerTopics(kafka, topic_prefix, tmp_path)


@pytest.fixture
def topics(empty: PartnerTopics) -> PartnerTopics:
    """A partner with its three topics."""
    empty.create()
    return empty
