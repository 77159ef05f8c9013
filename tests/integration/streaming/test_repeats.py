import random
from collections import Counter
from collections.abc import Callable

from pipeline import topics
from pipeline.factors.layout import RECENT_IDS, RECENT_OBLIGATION_IDS
from pipeline.scoring.model import Model
from tests.integration.support.records import (
    DAY_MS,
    NOW_MS,
    friends,
    good_year,
    grants,
    record,
)
from tests.integration.support.replay import assert_as_replayed
from tests.integration.support.stream import Stream


def test_a_producers_repeats_change_nothing(
    running: Stream, person: Callable[[str], str], model: Model
) -> None:
    user, friend = person("ann"), person("ben")
    consents = [*grants(user), *grants(friend)]
    running.send(consents)
    running.until_applied()
    running.send(good_year(user, NOW_MS - 20 * DAY_MS))
    newest = [
        *(record(topics.PAYMENTS, user, NOW_MS - i * DAY_MS) for i in range(RECENT_IDS)),
        *(record(topics.CONSUMPTION, user, NOW_MS - i * DAY_MS) for i in range(RECENT_IDS)),
        *(
            record(topics.OBLIGATIONS, user, NOW_MS - i * DAY_MS, contract_id=f"contract-{i}")
            for i in range(RECENT_OBLIGATION_IDS)
        ),
        record(topics.PROFILES, user, NOW_MS, status="CHANGED"),
        *friends(user, friend),
    ]
    running.send(newest)
    running.until_applied()
    state, scores = running.state(), running.scores()
    before = duplicates(assert_as_replayed(running, model))

    for _ in range(3):
        random.Random(1).shuffle(newest)
        running.send([*newest, *consents])
        running.until_applied()

    assert running.state() == state
    assert running.scores() == scores
    after = duplicates(assert_as_replayed(running, model))
    assert after - before == 3 * (2 * RECENT_IDS + RECENT_OBLIGATION_IDS)
    # The worker has counted all of them, a moment after they were committed.
    running.until(lambda: counted_duplicates(running) == after)


def duplicates(outcomes: Counter[tuple[str, str]]) -> int:
    return sum(count for (_, outcome), count in outcomes.items() if outcome == "duplicate")


def counted_duplicates(stream: Stream) -> float:
    samples = stream.workers[0].metrics().get("sesame_events_total", {})
    return sum(count for labels, count in samples.items() if ("outcome", "duplicate") in labels)
