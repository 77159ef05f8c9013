from itertools import pairwise

import numpy as np
import pytest

from pipeline import topics
from pipeline.codec.encode import decode_record
from pipeline.codec.registry import FileRegistry
from pipeline.dev.bench.scale.events import draw, records


def test_without_skew_everybody_is_about_as_likely() -> None:
    drawn = draw(100, 100_000, 0.0, np.random.default_rng(1))
    counts = np.bincount(drawn, minlength=100)
    assert counts.min() > 800
    assert counts.max() < 1_200


def test_with_a_skew_shares_follow_zipfs_law() -> None:
    events, people, skew = 200_000, 1_000, 1.0
    drawn = draw(people, events, skew, np.random.default_rng(1))
    counts = np.sort(np.bincount(drawn, minlength=people))[::-1]
    total = sum(rank**-skew for rank in range(1, people + 1))
    for rank in (1, 2, 10):
        assert counts[rank - 1] / events == pytest.approx(rank**-skew / total, rel=0.1)


def test_who_comes_first_is_drawn_too() -> None:
    first = {
        int(np.bincount(draw(1_000, 5_000, 1.2, np.random.default_rng(seed))).argmax())
        for seed in range(5)
    }
    assert len(first) > 3


def test_each_drawn_person_has_an_event_that_the_contract_allows() -> None:
    registry = FileRegistry()
    users = [f"person-{n}".encode() for n in range(20)]
    drawn = draw(20, 500, 0.0, np.random.default_rng(1))
    sent = list(records(users, drawn, 1, registry))
    assert {s.topic for s in sent} == {topics.PAYMENTS, topics.CONSUMPTION}
    told = [decode_record(s.value or b"", registry) for s in sent]
    assert all(t["user_id"].encode() == s.key for t, s in zip(told, sent, strict=True))
    ours = np.bincount([users.index(s.key or b"") for s in sent], minlength=20)
    assert ours.tolist() == np.bincount(drawn, minlength=20).tolist()
    assert len({t["event_id"] for t in told}) == 500
    for topic in (topics.PAYMENTS, topics.CONSUMPTION):
        times = [t["occurred_at"] for t, s in zip(told, sent, strict=True) if s.topic == topic]
        assert all(earlier <= later for earlier, later in pairwise(times))
