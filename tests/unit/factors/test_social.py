import math

import pytest

from pipeline.factors.fold import BatchState, Outcome, Signal
from pipeline.factors.layout import LINKS_MAX
from pipeline.factors.social import own_active_peers
from pipeline.factors.vocabulary import ConsentAction, RelationshipAction, Scope
from pipeline.reference.events import PeerSignal, Relationship
from tests.unit.factors.people import at, consent, enrolled, fold, outcomes, value

CONFIRM, REMOVE = RelationshipAction


def word(
    day: str, other: str, action: RelationshipAction = CONFIRM, user: str = "ann"
) -> Relationship:
    head = {"kafka_ms": at(day), "id_hash": 1}
    return Relationship(user=user, at_ms=at(day), other=other, action=action, **head)


def heard(
    other: str,
    base_score: int | None = None,
    *,
    active: bool = True,
    wants_reply: bool = False,
    erased: bool = False,
) -> PeerSignal:
    return PeerSignal(
        user="ann",
        at_ms=at("2026-03-01"),
        kafka_ms=at("2026-03-01"),
        id_hash=1,
        other=other,
        active=active,
        base_score=base_score,
        wants_reply=wants_reply,
        erased=erased,
    )


def counts(state: BatchState) -> tuple[int, int, int]:
    row = state.rows[0]
    return int(row["linked_peers"]), int(row["scored_peers"]), int(row["peer_base_sum"])


def test_a_link_counts_once_both_sides_have_confirmed() -> None:
    state = enrolled()
    fold(state, word("2026-03-01", "bob"))
    assert counts(state) == (0, 0, 0)
    fold(state, heard("bob", 640))
    assert counts(state) == (1, 1, 640)


def test_a_confirmation_counts_at_once_if_the_peer_was_heard_before() -> None:
    state = enrolled()
    fold(state, heard("bob", 640))
    assert counts(state) == (0, 0, 0)
    fold(state, word("2026-03-01", "bob"))
    assert counts(state) == (1, 1, 640)


def test_an_unscored_peer_is_linked_and_not_in_the_mean() -> None:
    state = enrolled()
    fold(state, word("2026-03-01", "bob"), word("2026-03-01", "eve"))
    fold(state, heard("bob", 640), heard("eve"))
    assert value(state, "linked_peers", "2026-03") == 2
    assert value(state, "mean_peer_base_score", "2026-03") == 640
    fold(state, heard("bob"))
    assert math.isnan(value(state, "mean_peer_base_score", "2026-03"))


def test_a_confirmation_tells_the_other_side_and_asks_for_an_answer_once() -> None:
    state = enrolled()
    hello = Signal("ann", "bob", active=True, wants_reply=True)
    assert fold(state, word("2026-03-01", "bob")).signals == [hello]
    assert fold(state, word("2026-03-02", "bob")).signals == []
    assert own_active_peers(state.links[0]) == ["bob"]


def test_a_removal_tells_the_other_side() -> None:
    state = enrolled()
    fold(state, word("2026-03-01", "bob"), heard("bob", 640))
    result = fold(state, word("2026-03-02", "bob", REMOVE))
    assert result.signals == [Signal("ann", "bob", active=False, wants_reply=False)]
    assert counts(state) == (0, 0, 0)
    assert own_active_peers(state.links[0]) == []


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_words_the_newer_decides_and_of_the_same_time_the_removal(order: int) -> None:
    state = enrolled()
    fold(state, *[word("2026-03-01", "bob"), word("2026-03-01", "bob", REMOVE)][::order])
    fold(state, *[word("2026-03-05", "eve"), word("2026-03-04", "eve", REMOVE)][::order])
    assert own_active_peers(state.links[0]) == ["eve"]


def test_who_asks_for_an_answer_gets_one_if_the_own_side_is_confirmed() -> None:
    state = enrolled()
    assert fold(state, heard("bob", wants_reply=True)).signals == []
    fold(state, word("2026-03-01", "bob"))
    reply = Signal("ann", "bob", active=True, wants_reply=False)
    assert fold(state, heard("bob", wants_reply=True)).signals == [reply]
    assert fold(state, heard("bob")).signals == []


def test_a_peer_who_leaves_no_longer_counts_and_is_forgotten_if_never_confirmed() -> None:
    state = enrolled()
    fold(state, heard("bob", 640), heard("eve", 700), word("2026-03-01", "bob"))
    fold(state, heard("bob", active=False), heard("eve", active=False))
    assert counts(state) == (0, 0, 0)
    assert own_active_peers(state.links[0]) == ["bob"]
    assert b"eve" not in state.links[0]


def test_nothing_is_kept_of_an_erased_friend_the_own_word_neither() -> None:
    state = enrolled()
    fold(state, word("2026-03-01", "bob"), heard("bob", 640), word("2026-03-01", "eve", REMOVE))
    fold(state, heard("bob", active=False, erased=True), heard("eve", active=False, erased=True))
    assert counts(state) == (0, 0, 0)
    assert state.links == [b""]


def test_somebody_erased_is_told_that_what_a_friend_confirmed_is_over() -> None:
    state = enrolled()
    fold(state, word("2026-03-01", "bob"), heard("eve", 640))
    result = fold(
        state, heard("bob", active=False, erased=True), heard("eve", active=False, erased=True)
    )
    assert result.signals == [Signal("ann", "bob", active=False, wants_reply=False)]


def test_somebody_erased_who_comes_back_is_linked_by_both_confirming_anew() -> None:
    state = enrolled()
    fold(state, word("2026-03-01", "bob"), heard("bob", 640))
    fold(state, heard("bob", active=False, erased=True), heard("bob", 700, wants_reply=True))
    assert counts(state) == (0, 0, 0)
    fold(state, word("2026-03-02", "bob"))
    assert counts(state) == (1, 1, 700)


@pytest.mark.parametrize("scope", [Scope.SCORING, Scope.SOCIAL])
def test_only_an_erasure_asks_everybody_named_to_forget(scope: Scope) -> None:
    state = enrolled()
    fold(state, word("2026-03-01", "bob"), heard("eve"), word("2026-03-01", "dan", REMOVE))
    result = fold(state, consent("2026-04-01", scope, ConsentAction.WITHDRAW))
    asked = {signal.receiver for signal in result.signals if signal.erased}
    told = {signal.receiver for signal in result.signals}
    assert asked == ({"bob", "dan", "eve"} if scope is Scope.SCORING else set())
    assert told == (asked or {"bob"})


def test_a_signal_to_someone_who_does_not_grant_social_is_not_covered() -> None:
    state = enrolled()
    fold(state, consent("2026-02-01", Scope.SOCIAL, ConsentAction.WITHDRAW))
    assert outcomes(fold(state, heard("bob", 640))) == [Outcome.NOT_COVERED]
    assert state.links == [b""]


def test_nobody_is_linked_to_oneself() -> None:
    state = enrolled()
    result = fold(state, word("2026-03-01", "ann"))
    assert outcomes(result) == [Outcome.APPLIED]
    assert result.signals == []
    assert state.links == [b""]


def test_a_confirmation_over_the_bound_ends_the_oldest_and_says_so() -> None:
    state = enrolled()
    fold(state, *(word(f"2026-03-01T00:{i:02}", f"friend{i:02}") for i in range(60)))
    fold(state, *(word(f"2026-03-01T01:{i:02}", f"late{i:02}") for i in range(LINKS_MAX - 60)))
    result = fold(state, word("2026-03-02", "new"))
    assert Signal("ann", "friend00", active=False, wants_reply=False) in result.signals
    peers = own_active_peers(state.links[0])
    assert len(peers) == LINKS_MAX
    assert "new" in peers


def test_a_removed_friends_name_is_forgotten_after_the_lateness() -> None:
    state = enrolled()
    fold(state, word("2026-03-01", "bob"), word("2026-03-02", "bob", REMOVE))
    assert b"bob" in state.links[0]
    fold(state, word("2026-04-03", "eve"))
    assert b"bob" not in state.links[0]
