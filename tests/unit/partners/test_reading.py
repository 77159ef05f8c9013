from dataclasses import replace

from pipeline.partners.reading import read_scores
from pipeline.partners.vocabulary import Admitted, Disclosure
from tests.unit.partners.seen import PARTNER, REGISTRY, seen, value

EVERYTHING = seen(
    "ann",
    disclosure=Disclosure.SCORE,
    admitted=Admitted.NO,
    band="GOOD",
    score=640,
    reasons=("PAID_LATE", "NO_BILLS"),
    grant_expires_at_ms=9_000,
)


def test_a_record_is_read_as_it_was_written() -> None:
    least = seen("ben", disclosure=Disclosure.ADMIT, band=None)

    read = read_scores([b"ann", b"ben"], [value(EVERYTHING), value(least)], PARTNER, REGISTRY)

    assert read.seen == [EVERYTHING, least]
    assert read.problems == []


def test_every_disclosure_answer_and_band_is_told_apart() -> None:
    scores = [
        *(replace(EVERYTHING, disclosure=disclosure) for disclosure in Disclosure),
        *(replace(EVERYTHING, admitted=admitted) for admitted in Admitted),
        *(
            replace(EVERYTHING, band=band)
            for band in ("POOR", "FAIR", "GOOD", "VERY_GOOD", "EXCELLENT")
        ),
    ]

    read = read_scores([b"ann"] * len(scores), [value(s) for s in scores], PARTNER, REGISTRY)

    assert read.seen == scores


def test_what_cannot_be_read_leaves_the_others_in_their_places() -> None:
    other = seen("ann", partner_id="microloan")
    keys = [b"ann", b"ann", b"ben", b"ann", b"ann"]
    values = [b"\0\0\0\0\1nonsense", value(EVERYTHING), value(EVERYTHING), value(other), b""]

    read = read_scores(keys, values, PARTNER, REGISTRY)

    assert read.seen == [None, EVERYTHING, None, None, None]
    assert len(read.problems) == 4
    assert "ben" not in " ".join(read.problems), "nobody is named"


def test_an_empty_batch_is_read() -> None:
    assert read_scores([], [], PARTNER, REGISTRY).seen == []
