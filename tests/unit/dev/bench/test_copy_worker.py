from pipeline import topics
from pipeline.dev.bench.copy_worker import Quota

VOLUMES = {
    "scores": {"records": 333, "value_bytes": 333 * 150},
    "factor-state-changelog": {"records": 1_777, "value_bytes": 1_777 * 380},
    "peer-signals": {"records": 40, "value_bytes": 40 * 79},
    "dead-letters": {"records": 0, "value_bytes": 0},
}


def test_however_the_input_is_cut_as_much_is_written_in_all() -> None:
    quota, written = Quota(VOLUMES, events=1_000), dict.fromkeys(VOLUMES, 0)
    for width in (1, 7, 92, 400, 500):
        for name, entries in quota.take([b"user"] * width).items():
            written[name] += len(entries)
            assert all(len(value or b"") in {79, 150, 380} for _, value in entries)
    assert abs(written["scores"] - 333) <= 1
    assert abs(written["factor-state-changelog"] - 1_777) <= 1
    assert abs(written["peer-signals"] - 40) <= 1
    assert written["dead-letters"] == 0


def test_what_stays_in_the_partition_has_the_keys_that_were_read() -> None:
    quota = Quota(VOLUMES, events=1_000)
    quota.take([b"of another partition"] * 100)
    taken = quota.take([b"ann", b"bob"] * 50)
    assert {key for key, _ in taken[topics.SCORES.name]} == {b"ann", b"bob"}


def test_signals_go_to_people_of_other_partitions_too() -> None:
    quota = Quota(VOLUMES, events=100)
    quota.take([b"far"] * 100)
    taken = quota.take([b"near"] * 400)
    assert {key for key, _ in taken[topics.PEER_SIGNALS.name]} == {b"far", b"near"}


def test_nothing_read_is_nothing_written() -> None:
    assert not any(Quota(VOLUMES, events=1_000).take([]).values())


def test_what_was_not_committed_is_written_when_its_records_come_again() -> None:
    quota, steady = Quota(VOLUMES, events=1_000), Quota(VOLUMES, events=1_000)
    keys = [b"user"] * 333
    quota.give_back(keys, quota.take(keys))
    for _ in range(3):
        taken, wanted = quota.take(keys), steady.take(keys)
        assert [len(some) for some in taken.values()] == [len(some) for some in wanted.values()]
