import json

import pytest

from tests.integration.dev.bench.commands import run, topics_left

pytestmark = pytest.mark.slow


def test_a_gateway_and_a_partner_are_measured_beside_the_pipeline(
    kafka: str, topic_prefix: str
) -> None:
    result = run("--partners", "--grants", "300", "--decisions", "100", "--runs", "1")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    runs = {each["system"]: each for each in told["runs"]}
    assert list(runs) == ["sesame", "gateway-consents", "gateway-scores"]
    assert runs["gateway-consents"]["events"] == 3 * 300
    assert runs["gateway-scores"]["events"] == 3 * 300
    for each in runs.values():
        assert each["events_per_second"] > 0
        assert each["peak_rss_mb"] > 20
    rate = runs["sesame"]["events_per_second"]
    scores = runs["gateway-scores"]["events_per_second"]
    assert told["ratios"] == {
        "gateway-consents": pytest.approx(runs["gateway-consents"]["events_per_second"] / rate),
        "gateway-scores": pytest.approx(scores / rate),
        "partner-records": pytest.approx(2 * scores / rate),
    }
    assert told["partner_records"] == 2 * 3 * 300
    assert told["written"]["topics"]["disclosures"]["records"] == 2 * 3 * 300
    assert told["partner_records_per_second"] == pytest.approx(2 * scores)
    published = told["scores_published_per_second"]
    assert told["over_published"] == pytest.approx(scores / published)
    for latencies in (told["decision_ms"], told["decide_us"]):
        assert 0 < latencies["p50"] <= latencies["p99"] <= latencies["max"]
        assert latencies["n"] == 100
    # A person in two is above the threshold.
    outcomes = told["outcomes"]
    assert outcomes.keys() == {"DEPOSIT_WAIVED", "DEPOSIT_REQUIRED"}
    assert told["input"]["grants"] == 300
    assert topics_left(kafka, topic_prefix) == []
