import pytest

from pipeline.dev.bench.jvm import ON_JVM
from pipeline.dev.bench.peers.registry import System, known
from pipeline.settings import load
from tests.integration.dev.bench.commands import topics_left
from tests.integration.dev.bench.peers import assert_scores_as_we_do

# Where Maven has nothing yet, the peers are built first.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.mark.parametrize(
    "system",
    [each for each in known(load()) if each.name in ON_JVM],
    ids=lambda system: system.name,
)
def test_a_peer_scores_a_few_hundred_people_as_we_do(
    kafka: str, topic_prefix: str, system: System
) -> None:
    assert_scores_as_we_do(system)
    assert topics_left(kafka, topic_prefix) == []
