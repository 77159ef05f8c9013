"""The metrics of the gateway, beside those of its lanes; names and help texts are in the docs."""

from prometheus_client import Counter, Gauge

from pipeline.gateway.changes import Counts
from pipeline.streaming import lane_metrics

REGISTRY_VALID = Gauge(
    "sesame_gateway_registry_valid", "Whether the partner registry as it lies there is in force"
)
REGISTRY_LOADS = Counter(
    "sesame_gateway_registry_loads", "Changed partner registries, by applied or refused", ["result"]
)
PARTNERS = Gauge("sesame_gateway_partners", "Registered partners")
FEED_LOST = Counter(
    "sesame_gateway_feed_lost_records",
    "Offsets of partners' topics that retention took before they were read",
    ["topic"],
)
TOPICS_MISSING = Gauge(
    "sesame_gateway_topics_missing",
    "Topics of registered partners that are not there: such a partner is left out",
)
TOPICS_MADE_ANEW = Counter(
    "sesame_gateway_topics_made_anew",
    "Topics of partners found deleted and made anew, or cut short, once a partition",
    ["topic"],
)
RECORDS = Counter(
    "sesame_gateway_records",
    "Consents, scores, outcomes and enquiries by what became of them",
    ["kind", "outcome"],
)
TOLD = Counter(
    "sesame_gateway_disclosures", "Disclosure records by kind and cause", ["kind", "cause"]
)
THRESHOLDS_CHANGED = Counter(
    "sesame_gateway_thresholds_changed", "Answers held against another threshold than before"
)
SUBJECTS_MADE_ANEW = Counter(
    "sesame_gateway_subjects_made_anew", "Grants given another subject, as the key was rotated"
)
CONSENTS_BEYOND_LIMIT = Counter(
    "sesame_gateway_consents_beyond_limit",
    "Decisions left out, as the person had made too many about other partners",
)
GRANTS = Gauge("sesame_gateway_grants", "Grants held, ended ones included", ["partition"])
PEOPLE = Gauge("sesame_gateway_people", "People enrolled, scored or with a grant", ["partition"])
STATE_BYTES = Gauge("sesame_gateway_state_bytes", "Bytes of rows held", ["partition"])


def observe_counts(counts: Counts) -> None:
    """Count what a committed batch did."""
    for (kind, outcome), number in counts.records.items():
        RECORDS.labels(kind, outcome).inc(number)
        if outcome.isupper():
            lane_metrics.DEAD_LETTERS.labels(kind, outcome).inc(number)
    for (kind, cause), number in counts.told.items():
        TOLD.labels(kind, cause).inc(number)
    THRESHOLDS_CHANGED.inc(counts.thresholds_changed)
    SUBJECTS_MADE_ANEW.inc(counts.subjects_made_anew)
    CONSENTS_BEYOND_LIMIT.inc(counts.consents_beyond_limit)


def observe_partition(partition: int, people: int, grants: int, state_bytes: int) -> None:
    """Say where a partition stands."""
    PEOPLE.labels(partition).set(people)
    GRANTS.labels(partition).set(grants)
    STATE_BYTES.labels(partition).set(state_bytes)


def forget_partition(partition: int) -> None:
    """Drop the gauges of a partition that is no longer owned."""
    for gauge in (PEOPLE, GRANTS, STATE_BYTES):
        gauge.remove_by_labels({"partition": str(partition)})
