from pipeline.partners.records import Change, PartnerScore
from pipeline.partners.view import LocalView
from tests.unit.partners.seen import seen


def taken(view: LocalView, *news: Change) -> list[Change]:
    folded = view.fold(news)
    view.publish(folded)
    return folded.changes


def told(score: PartnerScore) -> Change:
    return Change(score.subject, score)


def test_the_latest_record_of_each_subject_is_seen() -> None:
    view = LocalView()

    changes = taken(view, told(seen("ann")), told(seen("ben")), told(seen("ann", 2, band="GOOD")))

    ann = view.get("ann", 0)
    assert ann is not None
    assert (ann.sequence, ann.band) == (2, "GOOD")
    assert [change.subject for change in changes] == ["ann", "ben", "ann"]
    assert len(view) == 2


def test_nothing_is_seen_before_it_is_published() -> None:
    view = LocalView()

    folded = view.fold([told(seen("ann"))])

    assert view.get("ann", 0) is None
    view.publish(folded)
    assert view.get("ann", 0) == seen("ann")


def test_a_repeat_does_nothing_and_is_counted() -> None:
    view = LocalView()
    taken(view, told(seen("ann", 2)))

    folded = view.fold([told(seen("ann", 1)), told(seen("ann", 2)), told(seen("ann", 3))])

    assert folded.repeats == 2
    assert folded.changes == [told(seen("ann", 3))]


def test_what_is_taken_back_is_forgotten_and_may_start_anew() -> None:
    view = LocalView()
    taken(view, told(seen("ann", 7)))

    assert taken(view, Change("ann", None)) == [Change("ann", None)]
    assert view.get("ann", 0) is None
    assert len(view) == 0
    assert taken(view, told(seen("ann", 1))) == [told(seen("ann", 1))]


def test_taking_back_what_was_never_seen_changes_nothing() -> None:
    assert taken(LocalView(), Change("stranger", None)) == []


def test_an_expired_grant_shows_nothing_although_no_record_came() -> None:
    view = LocalView()
    taken(view, told(seen("ann", grant_expires_at_ms=1_000)))

    assert view.get("ann", 999) is not None
    assert view.get("ann", 1_000) is None


def test_a_new_generation_shows_only_what_is_seen_again() -> None:
    view = LocalView()
    taken(view, told(seen("ann", 5)), told(seen("ben", 5)), told(seen("cara", 5)))

    view.begin_generation(1)

    assert view.get("ann", 0) is None
    assert (len(view), list(view)) == (0, [])
    again = taken(view, told(seen("ann", 5)), told(seen("ben", 1)))
    assert again == [told(seen("ben", 1))], "ann is as she was; ben's sequence started anew"
    assert {score.subject for score in view} == {"ann", "ben"}
    gone = view.unseen()
    view.publish(gone)
    assert gone.changes == [Change("cara", None)]
    assert len(view) == view.count("CAR_RENTAL_DEPOSIT") == 2
