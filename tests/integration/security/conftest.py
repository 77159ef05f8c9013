from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.integration.security.cluster import ADMIN, SecuredKafka


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """A Kafka with logins, certificates and access rules in force, without topics."""
    kafka = SecuredKafka(tmp_path_factory.mktemp("certificates"))
    with kafka.broker:
        yield kafka


@pytest.fixture(scope="module")
def prefix(secured: SecuredKafka) -> str:
    """The prefix of topics that the administrator has applied, rules and all.

    Of a module each: some write what no program could read.
    """
    made = f"test-{uuid4().hex[:10]}."
    applied = secured.sesame(ADMIN, "topics", "apply", topic_prefix=made)
    assert applied.status == 0, applied.errors
    return made
