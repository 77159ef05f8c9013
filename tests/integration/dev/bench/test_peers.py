import pytest

from pipeline.dev.bench.arithmetic import OURS
from pipeline.dev.bench.jvm import ON_JVM
from pipeline.dev.bench.peers.python import PYTHON
from pipeline.dev.bench.peers.registry import System, known
from pipeline.settings import load
from tests.integration.dev.bench.commands import topics_left
from tests.integration.dev.bench.peers import assert_scores_as_we_do, compare

pytestmark = pytest.mark.slow

IN_PYTHON = [
    each for each in known(load()) if each.scores and not each.workers and each.name not in ON_JVM
]


@pytest.mark.parametrize("system", IN_PYTHON, ids=lambda system: system.name)
def test_a_peer_scores_a_few_hundred_people_as_we_do(
    kafka: str, topic_prefix: str, system: System
) -> None:
    assert_scores_as_we_do(system)
    assert topics_left(kafka, topic_prefix) == []


def test_what_cannot_run_is_told_and_the_rest_is_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(PYTHON, "/nowhere/bin/python")
    found = compare("--only", "quix", "--only", "copy")
    assert [each["system"] for each in found["runs"]] == [OURS, "copy"]
    assert found["left_out"].keys() == {"quix"}
    assert "make bench-install" in found["left_out"]["quix"]
