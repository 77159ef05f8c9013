import pytest

from tests.integration.services.kafka_side import PartnerTopics


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
