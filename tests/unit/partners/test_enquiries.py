import pytest

from pipeline import settings
from pipeline.codec.partner_reads import decode_enquiries
from pipeline.partners import enquiries
from pipeline.partners.enquiries import Enquiries
from pipeline.topics import partner_enquiries
from tests.unit.partners.seen import PARTNER, REGISTRY

NOW_MS = 1_790_000_000_000
ANN, BEN, CARA = "a" * 40, "b" * 40, "c" * 40


@pytest.fixture
def asked() -> Enquiries:
    """Without a thread: the test takes and delivers."""
    return Enquiries(settings.load(), PARTNER, REGISTRY)


def test_enquiries_are_sent_as_the_gateway_reads_them(asked: Enquiries) -> None:
    asked.ask(ANN, "CAR_RENTAL_DEPOSIT", NOW_MS)
    asked.ask(ANN, "CAR_RENTAL_DEPOSIT", NOW_MS)

    parcels = asked.take()
    reads = decode_enquiries(
        partner_enquiries(PARTNER), [p.key for p in parcels], [p.value for p in parcels], REGISTRY
    )

    assert not reads.poison
    assert [row["subject"] for row in reads.rows] == [ANN, ANN]
    assert {(row["purpose"], row["occurred_at"]) for row in reads.rows} == {
        ("CAR_RENTAL_DEPOSIT", NOW_MS)
    }
    assert len({row["event_id"] for row in reads.rows}) == 2, "asking twice is two events"


def test_what_did_not_arrive_is_sent_again_as_the_same_event(asked: Enquiries) -> None:
    for subject in (ANN, BEN, CARA):
        asked.ask(subject, "P", NOW_MS)
    first = asked.take()
    asked.done([first[0], first[2]])

    (again,) = asked.take()

    assert (again.key, again.value) == (first[1].key, first[1].value)
    asked.done([again])
    assert asked.take() == []
    assert asked.results.counts() == {"sent": 3}


def test_when_too_many_wait_the_oldest_are_lost_and_counted(
    asked: Enquiries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enquiries, "WAITING_MAX", 2)
    for subject in (ANN, BEN, CARA):
        asked.ask(subject, "P", NOW_MS)

    assert [parcel.key for parcel in asked.take()] == [BEN.encode(), CARA.encode()]
    assert asked.results.counts() == {"lost": 1}


@pytest.mark.parametrize(
    "typed", ["", "s" * 129, "Ann Smith", "\ud800", "a" * 39 + "1", ANN.upper(), ANN + "\n"]
)
def test_what_can_be_no_subject_is_not_told_and_keeps_no_other_back(
    asked: Enquiries, typed: str
) -> None:
    asked.ask(typed, "P", NOW_MS)
    asked.ask(ANN, "P", NOW_MS)

    assert [parcel.key for parcel in asked.take()] == [ANN.encode()]
    assert asked.results.counts() == {"refused": 1}
