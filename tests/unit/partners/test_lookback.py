from pipeline.partners.lookback import LookBack

ANN, BEN, CARA = b"ann", b"ben", b"cara"


def read(look_back: LookBack, keys: list[bytes], start: int = 0) -> list[bool]:
    return [
        look_back.takes(key, offset, erased=False) for offset, key in enumerate(keys, start=start)
    ]


def test_whoever_has_no_score_yet_is_not_looked_for() -> None:
    look_back = LookBack()
    read(look_back, [ANN])

    look_back.want(BEN)

    assert not look_back.under_way
    assert look_back.next_offset(1) is None


def test_a_look_back_starts_at_the_latest_score_of_the_person() -> None:
    look_back = LookBack()
    read(look_back, [ANN, BEN, ANN, BEN])

    look_back.want(ANN)

    assert look_back.next_offset(4) == 2
    assert ANN in look_back


def test_only_the_latest_score_of_who_is_wanted_is_taken_again() -> None:
    look_back = LookBack()
    log = [BEN, ANN, CARA, ANN]
    read(look_back, log)
    look_back.want(ANN)
    look_back.want(BEN)

    assert look_back.next_offset(4) == 0
    assert read(look_back, log) == [True, False, False, True]
    assert look_back.next_offset(4) is None
    assert not look_back.under_way


def test_once_all_are_found_reading_goes_on_where_it_stood() -> None:
    look_back = LookBack()
    read(look_back, [ANN, BEN, BEN, BEN])
    look_back.want(ANN)
    assert look_back.next_offset(4) == 0

    read(look_back, [ANN], start=0)

    assert look_back.next_offset(1) == 4
    assert not look_back.under_way
    assert read(look_back, [CARA], start=4) == [True]


def test_a_look_back_ends_though_compaction_took_the_score_away() -> None:
    look_back = LookBack()
    read(look_back, [ANN, BEN])
    look_back.want(ANN)
    assert look_back.next_offset(2) == 0

    read(look_back, [BEN], start=1)

    assert look_back.next_offset(2) is None
    assert not look_back.under_way


def test_those_who_come_during_a_look_back_wait_for_the_next() -> None:
    look_back = LookBack()
    read(look_back, [ANN, CARA, BEN, BEN])
    look_back.want(CARA)
    assert look_back.next_offset(4) == 1

    look_back.want(ANN)
    assert look_back.next_offset(1) is None
    read(look_back, [CARA], start=1)

    assert look_back.next_offset(2) == 0
    assert ANN in look_back
    assert CARA not in look_back
    read(look_back, [ANN], start=0)
    assert look_back.next_offset(1) == 4


def test_a_newer_score_makes_the_look_back_needless() -> None:
    look_back = LookBack()
    read(look_back, [ANN])
    look_back.want(ANN)

    read(look_back, [ANN], start=1)

    assert not look_back.under_way


def test_an_erased_person_is_not_looked_for() -> None:
    look_back = LookBack()
    read(look_back, [ANN])
    look_back.takes(ANN, 1, erased=True)

    look_back.want(ANN)

    assert not look_back.under_way
