"""Identity, one attribute at a time."""

from pipeline.dev.bench.plain.admission import month_of, timely
from pipeline.dev.bench.plain.person import Event, Person
from pipeline.factors.admission import Outcome, Policy
from pipeline.factors.vocabulary import AttributeStatus

_STATUS = {status.name: int(status) for status in AttributeStatus}


def fold_profile(person: Person, event: Event, kafka_ms: int, policy: Policy) -> Outcome:
    """Fold what happened to an attribute of somebody who shares identity."""
    section = person["identity"]
    outcome = timely(section, event, kafka_ms, policy)
    if outcome is not Outcome.APPLIED:
        return outcome
    at_ms, since_ms = event["occurred_at"], event["since"]
    section["newest_s"] = max(section["newest_s"], at_ms // 1000)
    since = max(1, month_of(at_ms if since_ms is None else since_ms))
    if event["status"] == "REMOVED":
        since = 0
    word = [at_ms, _STATUS[event["status"]], since]
    attributes = section["attributes"]
    known = attributes.get(event["attribute"])
    attributes[event["attribute"]] = word if known is None else max(known, word)
    return outcome
