import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.services.kafka_side import PartnerTopics
from tests.integration.services.postgres import postgres


@pytest.fixture
def rental_topics(kafka: str, topic_prefix: str) -> PartnerTopics:
    topics = PartnerTopics(kafka, topic_prefix, "car-rental")
    topics.create()
    return topics


@pytest.fixture
def loan_topics(kafka: str, topic_prefix: str) -> PartnerTopics:
    topics = PartnerTopics(kafka, topic_prefix, "microloan")
    topics.create()
    return topics


@pytest.fixture(scope="session")
def postgres_address() -> Iterator[str]:
    # Not below pytest's folder, which nobody but root may enter.
    folder = Path(tempfile.mkdtemp(prefix="sesame-postgres-"))
    folder.chmod(0o755)
    try:
        with postgres(folder) as address:
            yield address
    finally:
        shutil.rmtree(folder, ignore_errors=True)
