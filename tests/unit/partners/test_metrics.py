from prometheus_client import CollectorRegistry

from pipeline.partners.decision import decide
from pipeline.partners.metrics import PartnerMetrics, Reading
from pipeline.partners.registry import Policy
from pipeline.partners.vocabulary import Disclosure, Fallback, Purpose

POLICY = Policy(
    "car-rental", "Car rental", Purpose.CAR_RENTAL_DEPOSIT, 650, Disclosure.BAND, Fallback.DEPOSIT
)
PARTNER = {"partner": "car-rental"}


def test_what_is_read_is_shown_at_each_collection() -> None:
    readings = iter(
        [
            Reading(ready=True, stale_s=2.5, subjects={"MICROLOAN": 3}, records={"taken": 7}),
            Reading(ready=True, outcomes={"delivered": 4}, enquiries_waiting=5),
        ]
    )
    registry = CollectorRegistry()
    PartnerMetrics("car-rental", registry, lambda: next(readings))

    first = {s.name: s.value for family in registry.collect() for s in family.samples}
    second = {s.name: s.value for family in registry.collect() for s in family.samples}

    assert first["sesame_partner_ready"] == 1
    assert first["sesame_partner_stale_seconds"] == 2.5
    assert first["sesame_partner_subjects"] == 3
    assert first["sesame_partner_records_total"] == 7
    assert second["sesame_partner_outcomes_total"] == 4
    assert second["sesame_partner_enquiries_waiting"] == 5
    assert "sesame_partner_stale_seconds" not in second, "never current, never stale"


def test_decisions_are_counted_by_outcome_and_answer() -> None:
    registry = CollectorRegistry()
    metrics = PartnerMetrics("car-rental", registry, Reading)

    for _ in range(2):
        metrics.count_decision("CAR_RENTAL_DEPOSIT", decide(None, POLICY, {}))

    labels = {"purpose": "CAR_RENTAL_DEPOSIT", "outcome": "DEPOSIT_REQUIRED"}
    counted = registry.get_sample_value(
        "sesame_partner_decisions_total", PARTNER | labels | {"admitted": "NOT_AVAILABLE"}
    )
    assert counted == 2
