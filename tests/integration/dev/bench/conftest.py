"""The Kafka that `sesame bench` is given, and topics of each test's own."""

import pytest


@pytest.fixture(autouse=True)
def _kafka(kafka: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESAME_BOOTSTRAP", kafka)
    monkeypatch.setenv("SESAME_TOPIC_PREFIX", topic_prefix)
