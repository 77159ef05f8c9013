from pipeline import topics
from pipeline.codec.encode import decode_record, encode_records
from pipeline.codec.registry import FileRegistry
from pipeline.dev.bench.plain.codec import Reader, Writer
from pipeline.dev.bench.plain.links import Said
from pipeline.dev.bench.plain.people import NewScore, NewSignal
from pipeline.dev.bench.plain.scoring import Score
from pipeline.scoring.model import load_model

REGISTRY = FileRegistry()
MODEL = load_model("default@1")
AT_MS = 1_750_000_000_000


def test_an_event_is_read_with_enums_as_symbols_and_times_in_milliseconds() -> None:
    event = {
        "event_id": "e1",
        "user_id": "ann",
        "occurred_at": AT_MS,
        "kind": "SEARCH",
        "category": "TRAVEL",
        "amount_minor": None,
        "currency": None,
        "channel": "WEB",
    }
    (value,) = encode_records(topics.CONSUMPTION.subject, [event], REGISTRY)
    assert Reader(topics.CONSUMPTION)(value) == event


def test_a_score_is_written_as_our_readers_expect_it() -> None:
    score = Score("SCORED", 640, "GOOD", 630, 0.03, (90, 60, 80, 50, 10), ["PAID_LATE"], [])
    value = Writer(MODEL, REGISTRY).score(NewScore("ann", score, 0b000111, AT_MS, 7))
    record = decode_record(value or b"", REGISTRY)
    assert (record["user_id"], record["status"], record["score"]) == ("ann", "SCORED", 640)
    assert (record["band"], record["base_score"], record["model"]) == ("GOOD", 630, "default@1")
    assert (record["as_of"], record["sequence"]) == (AT_MS, 7)
    points = [(f["factor"], f["points"], f["consented"]) for f in record["factors"]]
    assert points[0] == ("CREDIT_HISTORY", 90, True)
    assert points[2] == ("FULFILMENT", 80, False)
    most = [f["max_points"] for f in record["factors"]]
    assert most == MODEL.max_points.tolist()


def test_somebody_erased_has_no_value() -> None:
    assert Writer(MODEL, REGISTRY).score(NewScore("ann", None)) is None


def test_a_signal_is_addressed_to_the_peer() -> None:
    signal = NewSignal("ann", Said("bob", active=True, wants_reply=True), 630, AT_MS)
    record = decode_record(Writer(MODEL, REGISTRY).signal(signal, "p1"), REGISTRY)
    assert record == {
        "event_id": "p1",
        "user_id": "bob",
        "occurred_at": AT_MS,
        "other_user_id": "ann",
        "active": True,
        "base_score": 630,
        "wants_reply": True,
        "erased": False,
    }
