from dataclasses import replace

import numpy as np
import pytest

from pipeline import topics
from pipeline.gateway import changelog, step
from pipeline.gateway.former import GRANT_ROW_1, PERSON_ROW_1
from pipeline.gateway.rows import GRANT_ROW, GRANT_ROW_LAYOUT, PERSON_ROW
from pipeline.gateway.state import GatewayState
from pipeline.streaming.layouts import UnreadableRowError
from tests.unit.gateway.world import DAY_MS, START_MS, World

AT = START_MS - 1_000
BIKES = b"bikes\0BIKE_DEPOSIT\0ann"


def row(dtype: np.dtype[np.void], layout: int = 2) -> bytes:
    one = np.zeros((), dtype)
    one["layout"] = layout
    return one.tobytes()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"g" + BIKES, row(GRANT_ROW, layout=9)),
        (b"g" + BIKES, row(GRANT_ROW)[:-1]),
        (b"eann", row(PERSON_ROW, layout=9)),
        (b"c" + BIKES, b"\x09" + bytes(8)),
        (b"c" + BIKES, b"\x01" + bytes(7)),
        (b"a" + BIKES, b"\x01" + bytes(39)),
        (b"xann", b"?"),
        (b"e\xff", row(PERSON_ROW)),
        (b"gbikes\0BIKE_DEPOSIT", row(GRANT_ROW)),
        (b"g/\0BIKE_DEPOSIT\0ann", row(GRANT_ROW)),
        (b"gbikes\0NO_PURPOSE\0ann", row(GRANT_ROW)),
        (b"gbikes\0BIKE_DEPOSIT\0", row(GRANT_ROW)),
        (b"p", b"{}"),
        (b"p", None),
    ],
)
def test_a_row_that_cannot_be_applied_stops_the_restore(key: bytes, value: bytes | None) -> None:
    with pytest.raises(UnreadableRowError):
        changelog.apply(GatewayState(), [(key, value)])


def test_a_list_that_compaction_left_before_its_grant_finds_it() -> None:
    state = GatewayState()
    contracts = np.array([7, 8], "<u8").tobytes()

    changelog.apply(state, [(b"c" + BIKES, b"\x01" + contracts)])
    changelog.apply(state, [(b"g" + BIKES, row(GRANT_ROW))])

    (slot,) = state.grants.taken(0, state.grants.slots_end).tolist()
    assert state.grants.contracts[slot] == [7, 8]
    assert len(state.grants) == 1


def test_what_was_removed_in_the_log_is_not_there() -> None:
    state = GatewayState()
    grant = [(b"g" + BIKES, row(GRANT_ROW)), (b"c" + BIKES, b"\x01" + bytes(8))]
    gone = [(kind + BIKES, None) for kind in (b"g", b"c", b"a")]

    for records in (grant, gone):
        changelog.apply(state, records)

    assert len(state.grants) == 0
    assert not state.grants.contracts


def test_a_score_that_changes_nothing_to_be_seen_writes_no_row() -> None:
    world = World().grant("ann", AT, disclosure="ADMIT").score("ann", 660).run()
    before = len(world.records(topics.GATEWAY_CHANGELOG))

    world.score("ann", 661).run()

    written = world.records(topics.GATEWAY_CHANGELOG)[before:]
    assert [record.key for record in written] == [b"p"]


def test_grants_are_small_enough_to_be_changelog_values() -> None:
    assert GRANT_ROW.itemsize < 256


def in_layout_1(world: World) -> None:
    """Have the changelog hold rows as the first layouts had them."""
    formers = {b"g": (GRANT_ROW, GRANT_ROW_1), b"e": (PERSON_ROW, PERSON_ROW_1)}
    for log in (world.logs[topics.GATEWAY_CHANGELOG.name, 0],):
        for at, record in enumerate(log):
            dtype, former = formers.get((record.key or b"")[:1], (None, None))
            if dtype is not None and former is not None and record.value:
                now, before = np.frombuffer(record.value, dtype)[0], np.zeros((), former)
                for name in former.names or ():
                    before[name] = now[name]
                before["layout"] = 1
                log[at] = replace(record, value=before.tobytes())


def test_rows_of_former_layouts_are_restored_noted_and_renewed_as_they_are() -> None:
    world = World().consent("ann", AT, expires_at=START_MS + DAY_MS).grant("ann", AT)
    world.score("ann", 660).run().outcome("bikes", world.subject("ann")).run()
    in_layout_1(world)

    world.restore()

    (lane,) = world.lanes
    state = lane.state
    assert (len(state.outdated.grants), len(state.outdated.people)) == (1, 1)
    grants, people = state.outdated.take(10)
    output = step.renew(state, grants, people, lane.position, lane.context)
    assert not state.outdated
    (send,) = (send for send in output.sends if list(send.records))
    again = GatewayState()
    changelog.apply(again, [(key or b"", value) for key, value, _ in send.records])
    assert not again.outdated
    for one in (again, state):
        rows = one.grants.rows[one.grants.taken(0, one.grants.slots_end)]
        assert (rows["layout"] == GRANT_ROW_LAYOUT).all()
        assert rows["subject"].tolist() == [world.subject("ann").encode()]
        assert (one.people.rows["ends_at_ms"][one.people.slots(["ann"])] == START_MS + DAY_MS).all()
    assert again.grants.contracts == state.grants.contracts != {}


def test_slots_that_were_freed_meanwhile_are_not_renewed() -> None:
    world = World().consent("ann", AT).grant("ann", AT).run()
    (lane,) = world.lanes
    people, grants = lane.state.people, lane.state.grants
    freed = people.slots_or_new(["bob"])
    people.release(freed)
    slots = grants.taken(0, grants.slots_end)
    grants.remove(int(slots[0]))

    output = step.renew(lane.state, slots, freed, lane.position, lane.context)

    assert [key for send in output.sends for key, _, _ in send.records] == [b"p"]
