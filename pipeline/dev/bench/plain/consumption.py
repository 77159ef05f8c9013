"""Behaviour, one thing done at a shop at a time."""

from pipeline.dev.bench.plain.admission import Section, admit, count, month_of, tile_of
from pipeline.dev.bench.plain.person import Event, Person
from pipeline.factors.admission import Outcome, Policy
from pipeline.factors.layout import MONTHS_BEHAVIOUR, RECENT_IDS
from pipeline.factors.vocabulary import Category

PURCHASES, ESSENTIALS, RETURNS, SEARCHES, CATEGORIES = 1, 2, 3, 4, 5
"""Places in a tile, after the month."""
_BLANK = (0, 0, 0, 0, 0)
_BITS = {category.name: 1 << category for category in Category}


def fold_consumption(person: Person, event: Event, kafka_ms: int, policy: Policy) -> Outcome:
    """Fold a purchase, return or search of somebody who shares behaviour."""
    section: Section = person["consumption"]
    outcome = admit(section, event, kafka_ms, policy, (MONTHS_BEHAVIOUR, RECENT_IDS))
    category = event["category"]
    if outcome is not Outcome.APPLIED or category == "HEALTH":
        return outcome
    tile = tile_of(section, month_of(event["occurred_at"]), _BLANK, MONTHS_BEHAVIOUR)
    if tile is None:
        return outcome
    kind = event["kind"]
    if kind == "PURCHASE":
        count(tile, PURCHASES)
        tile[CATEGORIES] |= _BITS[category]
        if category == "ESSENTIALS":
            count(tile, ESSENTIALS)
    elif kind == "RETURN":
        count(tile, RETURNS)
    else:
        count(tile, SEARCHES)
    return outcome
