from pipeline.factors.characteristics import MissingHistory
from pipeline.scoring.thin_file import missing_codes, missing_texts


def test_every_gap_has_a_code_and_plain_words() -> None:
    for gap in MissingHistory:
        assert missing_codes(gap) == [gap.name]
        assert len(missing_texts(gap)) == 1


def test_nothing_missing_says_nothing() -> None:
    assert missing_codes(0) == []
    assert missing_texts(0) == []


def test_two_gaps_are_both_told() -> None:
    both = MissingHistory.ACTIVE_MONTHS | MissingHistory.CREDIT_OR_OBLIGATION
    assert missing_codes(both) == ["ACTIVE_MONTHS", "CREDIT_OR_OBLIGATION"]
    assert len(missing_texts(both)) == 2
