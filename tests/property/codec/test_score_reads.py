"""Any scores, good and bad, by column as fastavro wrote them one by one."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.codec.reasons import Reason
from pipeline.codec.registry import FileRegistry
from pipeline.codec.score_reads import decode_scores
from pipeline.scoring.bands import NO_BAND, Band
from pipeline.scoring.scorecard import NO_SCORE
from tests.property.codec.records import framed
from tests.property.codec.shared import SHARED

REGISTRY = FileRegistry()
POISON = {
    "erased": Reason.WIRE_FORMAT,
    "cut": Reason.DECODE,
    "longer": Reason.DECODE,
    "nobody": Reason.INVALID,
    "too low": Reason.INVALID,
    "too many reasons": Reason.INVALID,
}
HOW = st.sampled_from(["good", "good", "good", *POISON])


def spoil(fields: dict[str, Any], how: str) -> bytes | None:
    value = framed("Score", fields)
    spoilt = {
        "erased": None,
        "cut": value[:-1],
        "longer": value + b"\0",
        "nobody": framed("Score", fields | {"user_id": ""}),
        "too low": framed("Score", fields | {"status": "SCORED", "score": 349, "band": "POOR"}),
        "too many reasons": framed("Score", fields | {"reasons": ["LATE"] * 5}),
    }
    return spoilt.get(how, value)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=st.lists(st.tuples(SHARED["Score"], HOW), max_size=16))
def test_the_good_scores_are_read_as_written_and_the_others_named(
    drawn: list[tuple[dict[str, Any], str]],
) -> None:
    read = decode_scores([spoil(fields, how) for fields, how in drawn], REGISTRY)
    good = [at for at, (_, how) in enumerate(drawn) if how == "good"]
    written = [drawn[at][0] for at in good]
    assert read.kept.tolist() == good
    named = [(at, POISON[how]) for at, (_, how) in enumerate(drawn) if how != "good"]
    assert [(p.index, p.reason) for p in read.poison] == named
    assert read.users == [fields["user_id"] for fields in written]
    assert read.scored.tolist() == [fields["status"] == "SCORED" for fields in written]
    scores = [None if score == NO_SCORE else score for score in read.score.tolist()]
    assert scores == [fields["score"] for fields in written]
    bands = [None if band == NO_BAND else Band(band).name for band in read.band]
    assert bands == [fields["band"] for fields in written]
    reasons = [[read.reason_names[code] for code in row if code >= 0] for row in read.reasons]
    assert reasons == [fields["reasons"] for fields in written]
    assert [read.models[at] for at in range(len(read))] == [fields["model"] for fields in written]
    assert read.as_of_ms.tolist() == [fields["as_of"] for fields in written]
    assert read.sequence.tolist() == [fields["sequence"] for fields in written]
