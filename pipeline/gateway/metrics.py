"""The metrics of the gateway, beside those of its lanes; names and help texts are in the docs."""

from prometheus_client import Counter, Gauge

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
