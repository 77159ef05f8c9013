from pipeline.codec.reasons import Reason


def test_the_reasons_are_the_closed_list_of_the_contract() -> None:
    assert [str(reason) for reason in Reason] == [
        "WIRE_FORMAT",
        "UNKNOWN_SCHEMA",
        "DECODE",
        "INVALID",
        "KEY_MISMATCH",
        "TOO_LATE",
        "FUTURE",
    ]
