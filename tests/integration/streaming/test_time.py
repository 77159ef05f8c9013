from pipeline import topics
from pipeline.scoring.model import Model
from tests.integration.support.records import MONTH_MS, NOW_MS, good_year, grants, record
from tests.integration.support.replay import assert_as_replayed
from tests.integration.support.stream import Stream


def test_scores_age_with_everybodys_time_though_no_event_of_the_person_comes(
    stream: Stream, model: Model
) -> None:
    long_ago = NOW_MS - 30 * MONTH_MS
    recently = NOW_MS - 8 * MONTH_MS
    ann = "ann"
    ben, other = (stream.neighbour_of(ann, name) for name in ("ben", "other"))
    elsewhere = next(
        name
        for name in (f"elsewhere-{number}" for number in range(99))
        if stream.partition_of(name) != stream.partition_of(ann)
    )
    people = (ann, ben, elsewhere)
    stream.worker()
    stream.send([grant for user in (*people, other) for grant in grants(user)])
    stream.until_applied()
    stream.send([*good_year(ann, long_ago), *good_year(elsewhere, long_ago)])
    stream.until_applied()
    stream.send(good_year(ben, recently))
    stream.until_applied()
    before = {user: stream.score_changes(user)[-1] for user in people}
    assert before[ben]["status"] == "SCORED"
    assert before[elsewhere]["status"] == "SCORED"
    # The partition's time is ben's already.
    assert before[ann]["as_of"] > long_ago

    stream.send([record(topics.PAYMENTS, other, NOW_MS)])
    stream.until_applied()

    after = {user: stream.score_changes(user)[-1] for user in people}
    assert after[ann]["status"] == "THIN_FILE"
    assert after[ann]["score"] is None
    assert after[ann]["missing"] == ["ACTIVE_MONTHS"]
    assert after[ben]["status"] == "SCORED"
    assert after[ben]["score"] != before[ben]["score"]
    assert after[ben]["sequence"] == before[ben]["sequence"] + 1
    assert after[elsewhere] == before[elsewhere]
    assert_as_replayed(stream, model)
