import json

import pytest

from tests.integration.dev.bench.commands import run, topics_left

pytestmark = pytest.mark.slow


def test_a_restored_worker_is_timed_and_weighed(kafka: str, topic_prefix: str) -> None:
    result = run("--recovery", "--restored", "5000")
    assert result.exit_code == 0, result.output
    recovery = json.loads(result.stdout)["recovery"]
    assert recovery["people"] == 5_000
    assert recovery["changelog_records"] >= 2 * 5_000
    assert recovery["full"]["rss_mb"] > recovery["empty"]["rss_mb"] > 50
    assert recovery["full"]["peak_rss_mb"] >= recovery["full"]["rss_mb"]
    assert 0 < recovery["take_over"]["people"] < 5_000
    # Of more than 10,000; a lane that is asked to confirm writes its position.
    assert recovery["take_over"]["records_read"] < 10
    assert recovery["people_per_second"] == pytest.approx(5_000 / recovery["full"]["seconds"])
    assert topics_left(kafka, topic_prefix) == []
