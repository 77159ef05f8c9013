"""Whether the topics are right cannot be said where no broker answers."""

import pytest

from pipeline import settings, topics
from pipeline.errors import KafkaUnreachableError
from pipeline.streaming.topic_check import wrong_topics


def test_a_broker_that_does_not_answer_is_told_of_with_its_address() -> None:
    nowhere = settings.load(bootstrap="127.0.0.1:1", request_timeout_s=1)
    with pytest.raises(KafkaUnreachableError, match=r"no Kafka answers at 127\.0\.0\.1:1 "):
        wrong_topics(nowhere, topics.INPUTS)
