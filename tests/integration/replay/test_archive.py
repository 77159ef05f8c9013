"""An archive holds what the topics no longer do, and what it lacks is said."""

from confluent_kafka.admin import AdminClient

from pipeline import topics
from tests.integration.replay.commands import Replays
from tests.integration.support.load import simulated


def test_what_retention_has_deleted_is_replayed_from_an_archive_and_refused_without(
    replays: Replays,
) -> None:
    stream, archive = replays.stream, str(replays.archive)
    opening, rest = simulated(people=40, events=2_000)
    stream.worker().until_ready()
    stream.send([*opening, *rest[:1_000]])
    stream.until_applied()
    first = replays.run("archive", archive)
    assert first["records"]["payments"] > 0
    assert first["records"]["factor-state-journal"] > 0
    stream.send(rest[1_000:])
    stream.until_applied()
    for topic in (topics.PAYMENTS, topics.JOURNAL):
        for partition in range(stream.partitions):
            replays.forget(topic, partition, 3)
    complaint = replays.refused("replay")
    assert "factor-state-journal, partition 0, is needed from offset 0 on" in complaint
    assert "begins at 3" in complaint
    assert "sesame archive" in complaint
    assert replays.generation(0) == 1
    assert "factor-state-changelog.g2" not in replays.names()

    # The archive as far as it goes, the topics from there on.
    same = replays.run("replay", "--compare", "--archive", archive)
    assert same["rows_compared"] > 10
    assert replays.run("archive", archive)["records"]["payments"] > 0
    assert replays.run("archive", archive)["files"] == 0
    before, told = replays.state(), replays.read(topics.SCORE_CHANGES)
    done = replays.run("replay", "--archive", archive)
    assert (done["people"], done["scores_published"]) == (same["rows_compared"], 0)
    assert replays.state() == before
    assert replays.read(topics.SCORE_CHANGES) == told


def test_a_hole_between_archive_and_topic_is_told_by_both(replays: Replays) -> None:
    stream, archive = replays.stream, str(replays.archive)
    opening, rest = simulated(people=40, events=2_000)
    stream.worker().until_ready()
    stream.send([*opening, *rest[:1_000]])
    stream.until_applied()
    replays.run("archive", archive)
    end = 1 + max(r.offset for r in replays.read(topics.PAYMENTS) if r.partition == 0)
    stream.send(rest[1_000:])
    stream.until_applied()
    replays.forget(topics.PAYMENTS, 0, end + 2)
    assert f"payments, partition 0, is needed from offset {end} on" in replays.refused(
        "replay", "--archive", archive
    )
    holes = replays.run("archive", archive, status=1)["holes"]
    assert holes == [{"topic": "payments", "partition": 0, "from": end, "to": end + 2}]
    assert f"is needed from offset {end} on" in replays.refused("replay", "--archive", archive)


def test_without_the_topic_of_generations_a_replay_says_how_to_make_it(replays: Replays) -> None:
    admin = AdminClient({"bootstrap.servers": replays.stream.bootstrap, "log_level": 0})
    name = replays.stream.prefix + topics.GENERATIONS.name
    admin.delete_topics([name])[name].result(120)
    complaint = replays.refused("replay", status=2)
    assert f"{name} is missing" in complaint
    assert "sesame topics apply" in complaint


def test_a_folder_that_is_no_archive_is_refused_before_anything_is_read(replays: Replays) -> None:
    assert "is no archive" in replays.refused("replay", "--archive", str(replays.folder), status=2)
