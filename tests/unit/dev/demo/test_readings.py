from collections import Counter

from prometheus_client import CollectorRegistry, generate_latest

from pipeline.dev.demo.readings import read_gateway, read_partner, read_worker
from pipeline.gateway import metrics as gateway_metrics
from pipeline.partners.metrics import PartnerMetrics, Reading
from pipeline.streaming import lane_metrics, metrics


def worker_text() -> str:
    return generate_latest().decode()


def test_records_are_counted_by_outcome_and_signals_apart() -> None:
    before = read_worker(worker_text())
    lane_metrics.EVENTS.labels("payments", "applied").inc(5)
    lane_metrics.EVENTS.labels("consents", "applied").inc(2)
    lane_metrics.EVENTS.labels("payments", "decode").inc(1)
    lane_metrics.EVENTS.labels("peer-signals", "applied").inc(3)
    metrics.PEER_SIGNALS.inc(7)
    after = read_worker(worker_text())
    assert after.outcomes - before.outcomes == Counter(applied=7, decode=1)
    assert after.taken - before.taken == 8
    assert after.consents - before.consents == 2
    assert after.signals_taken - before.signals_taken == 3
    assert after.signals_waiting - before.signals_waiting == 4


def test_erasures_count_as_score_records() -> None:
    before = read_worker(worker_text())
    metrics.SCORES_PUBLISHED.inc(4)
    metrics.SCORES_ERASED.inc(1)
    lane_metrics.DEAD_LETTERS.labels("payments", "INVALID").inc(2)
    after = read_worker(worker_text())
    assert after.scores - before.scores == 5
    assert after.dead_letters - before.dead_letters == 2


def test_a_gateway_tells_what_it_has_read_and_what_partners_got() -> None:
    before = read_gateway(worker_text())
    gateway_metrics.RECORDS.labels("scores", "applied").inc(5)
    gateway_metrics.RECORDS.labels("consents", "applied").inc(3)
    gateway_metrics.RECORDS.labels("consents", "refused").inc(1)
    gateway_metrics.TOLD.labels("SHOWN", "SCORE").inc(4)
    gateway_metrics.TOLD.labels("ENDED", "EXPIRY").inc(2)
    gateway_metrics.TOLD.labels("ASKED", "ENQUIRY").inc(9)
    after = read_gateway(worker_text())
    assert (after.scores - before.scores, after.consents - before.consents) == (5, 4)
    assert after.shown - before.shown == 6


def test_a_partner_tells_what_it_has_read_of_the_scores() -> None:
    registry = CollectorRegistry()
    shown = Reading(ready=True, subjects={"MICROLOAN": 9}, records={"taken": 3, "repeat": 4})
    PartnerMetrics("microloan", registry, lambda: shown)
    reading = read_partner(generate_latest(registry).decode())
    assert (reading.ready, reading.subjects, reading.records) == (True, 9, 7)
