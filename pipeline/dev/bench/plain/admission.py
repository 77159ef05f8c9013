"""Whether an event counts, and the monthly tile it belongs to."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from xxhash import xxh3_64_intdigest

from pipeline.dev.bench.plain.person import Event
from pipeline.factors.admission import Outcome, Policy

_DAY_MS = 86_400_000
_LAST_SECOND = 2**32 - 1
_TICK_S = 256
"""Events of the same tick are remembered by the order of their ids."""
_HASH_BITS = 40
_HASH_MASK = (1 << _HASH_BITS) - 1
_COUNT_MAX = 255

Section = dict[str, Any]
Tile = list[int]


def month_of(at_ms: int) -> int:
    """Months since 1970, by the calendar; times outside 1970-2106 at the nearer end."""
    return _month_of_day(min(max(at_ms // 1000, 0), _LAST_SECOND) // 86_400)


@lru_cache(maxsize=65_536)
def _month_of_day(day: int) -> int:
    at = datetime.fromtimestamp(day * 86_400, UTC)
    return (at.year - 1970) * 12 + at.month - 1


def is_future(event: Event, kafka_ms: int, policy: Policy) -> bool:
    """Whether an event lies further ahead of its record than allowed."""
    at_ms = event["occurred_at"]
    return bool(at_ms > kafka_ms + policy.future_ms or at_ms // 1000 > _LAST_SECOND)


def timely(
    section: Section, event: Event, kafka_ms: int, policy: Policy, reach: int = 0
) -> Outcome:
    """Whether an event is too early or too late; ``reach`` in months, 0 for no tiles."""
    if is_future(event, kafka_ms, policy):
        return Outcome.FUTURE
    at_s, month = event["occurred_at"] // 1000, month_of(event["occurred_at"])
    newest_s = section["newest_s"]
    if month < 1 or at_s < newest_s - policy.lateness_s:
        return Outcome.TOO_LATE
    if reach and month <= month_of(newest_s * 1000) - reach:
        return Outcome.TOO_LATE
    return Outcome.APPLIED


def admit(
    section: Section, event: Event, kafka_ms: int, policy: Policy, bounds: tuple[int, int]
) -> Outcome:
    """As ``timely``, and no repeat; an event that counts is remembered.

    ``bounds``: the tiles' reach in months, and how many ids are remembered.
    """
    reach, ids_max = bounds
    outcome = timely(section, event, kafka_ms, policy, reach)
    if outcome is not Outcome.APPLIED:
        return outcome
    recent: list[int] = section["recent"]
    at_s = event["occurred_at"] // 1000
    id_hash = (xxh3_64_intdigest(_id_of(event).encode()) & _HASH_MASK) or 1
    for known in recent:
        if known & _HASH_MASK == id_hash:
            return Outcome.DUPLICATE
    # The time above the hash, so that the oldest comes first.
    recent.append(at_s // _TICK_S << _HASH_BITS | id_hash)
    recent.sort()
    if len(recent) > ids_max:
        del recent[0]
    if at_s > section["newest_s"]:
        _advance(section, at_s, reach)
    return outcome


def _id_of(event: Event) -> str:
    """An event's id; a partner's are its own."""
    partner, event_id = event.get("partner_id"), event["event_id"]
    return str(event_id) if partner is None else f"{partner}\0{event_id}"


def _advance(section: Section, at_s: int, reach: int) -> None:
    """Move on to a newer event; tiles that fall out of reach go."""
    head = month_of(at_s * 1000)
    if head > month_of(section["newest_s"] * 1000):
        section["tiles"] = [tile for tile in section["tiles"] if tile[0] > head - reach]
    section["newest_s"] = at_s


def tile_of(section: Section, month: int, blank: tuple[int, ...], reach: int) -> Tile | None:
    """The tile of a month, made if need be; None for one out of reach of the newest event."""
    if month <= month_of(section["newest_s"] * 1000) - reach:
        return None
    tiles: list[Tile] = section["tiles"]
    for tile in reversed(tiles):
        if tile[0] == month:
            return tile
    tile = [month, *blank]
    tiles.append(tile)
    return tile


def count(tile: Tile, place: int) -> None:
    """Add one, up to what fits a byte."""
    if tile[place] < _COUNT_MAX:
        tile[place] += 1
