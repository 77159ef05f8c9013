from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pipeline.factors.layout import FACTOR_ROW_LAYOUT, LEDGER_ROW_LAYOUT
from pipeline.factors.state import BatchState
from pipeline.replay.compare import Comparison, compare, is_swept
from pipeline.scoring.model import load_model
from pipeline.streaming.position import Position
from pipeline.streaming.publication import publish
from pipeline.streaming.store import PartitionStore

JUNE_MS = 1_780_300_000_000  # 2026-06-01
MONTH = 56 * 12 + 5
POSITION = Position({"payments": 9}, JUNE_MS, MONTH)
MODEL = load_model("default@1")
USERS = ["ann", "ben", "cem"]


def people(change: Callable[[BatchState], None] | None = None) -> PartitionStore:
    """Three scored people, changed after they were scored."""
    state = BatchState.empty(USERS)
    state.rows["layout"], state.ledgers["layout"] = FACTOR_ROW_LAYOUT, LEDGER_ROW_LAYOUT
    state.rows["consent_mask"] = 0b111111
    state.rows["payments_newest_s"] = JUNE_MS // 1000
    state.rows["first_credit_month"] = MONTH - 20
    state.rows["payment_months"] = 0xFFFFFF
    state.rows["paid_on_time"] = 2
    state.ledgers["consent_at_ms"] = 1
    publish(state, np.arange(3), JUNE_MS, MODEL)
    if change is not None:
        change(state)
    store = PartitionStore()
    store.scatter(state, range(3))
    return store


def compared(online: PartitionStore, position: Position = POSITION) -> Comparison:
    return compare(online, people(), position, MODEL, 5)


def test_the_same_people_do_not_differ() -> None:
    found = compared(people())
    assert found.holds
    assert (found.people, found.scores_compared) == (3, 3)


def change_row(state: BatchState) -> None:
    state.rows["paid_late"][1, 4] = 1


def change_ledger(state: BatchState) -> None:
    state.ledgers["profiles_newest_s"][1] = 5


def change_contracts(state: BatchState) -> None:
    state.contracts[1] = b"x"


def change_links(state: BatchState) -> None:
    state.links[1] = b"x"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (change_row, "paid_late"),
        (change_ledger, "profiles_newest_s"),
        (change_contracts, "contracts"),
        (change_links, "links"),
    ],
)
def test_one_byte_of_one_person_is_found_and_named(
    change: Callable[[BatchState], None], named: str
) -> None:
    found = compared(people(change))
    assert not found.holds
    assert found.rows_differing == 1
    assert [(d.partition, d.user, d.what) for d in found.differences] == [(5, "ben", named)]


def change_told(state: BatchState) -> None:
    state.rows["published"]["score"][2] += 1


def test_a_score_that_was_told_and_is_not_what_the_rows_say_is_found() -> None:
    found = compared(people(change_told))
    assert (found.rows_differing, found.scores_differing) == (0, 1)
    assert [(d.user, d.what) for d in found.differences] == [("cem", "published score")]


def test_another_model_shows_in_every_score_and_in_no_row() -> None:
    other = replace(MODEL, sha256="0" * 64)
    found = compare(people(), people(), POSITION, other, 0)
    assert (found.rows_differing, found.scores_differing) == (0, 3)


def test_people_on_one_side_only_are_told_apart() -> None:
    online, offline = people(), people()
    online.remove("ann")
    offline.remove("cem")
    found = compare(online, offline, POSITION, MODEL, 0)
    assert (found.people, found.online_only, found.offline_only) == (1, 1, 1)
    assert {d.user for d in found.differences} == {"ann", "cem"}


def lapse(state: BatchState) -> None:
    state.ledgers["consent_expires_ms"][0, 2] = JUNE_MS - 1


def test_consents_a_sweep_has_not_ended_yet_are_no_difference() -> None:
    swept = people(lapse)
    found = compare(people(lapse), swept, POSITION, MODEL, 0)
    assert found.rows_differing == 0


def test_scores_are_not_compared_before_the_sweep_of_consents_that_have_ended() -> None:
    assert not is_swept(POSITION, people(lapse))
    found = compare(people(lapse), people(lapse), POSITION, MODEL, 0)
    assert found.holds
    assert found.scores_compared == 0


def forget_explanations(state: BatchState) -> None:
    state.rows["published"]["explanation"] = 0


def test_an_explanation_that_a_former_layout_did_not_keep_is_no_difference() -> None:
    assert compared(people(forget_explanations)).holds

    def forget_and_tell(state: BatchState) -> None:
        forget_explanations(state)
        change_told(state)

    assert compared(people(forget_and_tell)).scores_differing == 1


def test_scores_are_not_compared_amid_a_sweep() -> None:
    amid = Position({"payments": 9}, JUNE_MS, MONTH - 1)
    assert not is_swept(amid, people())
    assert compared(people(change_told), amid).scores_compared == 0
    assert is_swept(Position(), people())
