import pytest

from tests.integration.partners.topics import Topics


@pytest.fixture
def written(kafka: str, topic_prefix: str) -> Topics:
    topics = Topics(kafka, topic_prefix)
    topics.create()
    return topics
