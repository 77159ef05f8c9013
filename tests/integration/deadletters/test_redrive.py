import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline import provision, topics
from tests.integration.deadletters.conftest import Run, RunJson
from tests.integration.deadletters.letters import FAILED_AT_MS, Post, marks, payment, post, read
from tests.integration.support.events import fields_of
from tests.integration.support.records import DAY_MS, NOW_MS, fields_for, value_of
from tests.integration.support.stream import Stream, partition_of


def ruling(told: dict[str, Any]) -> str:
    (letter,) = told["letters"]
    return str(letter["ruling"])


def refusal(run: Run, *arguments: str) -> dict[str, Any]:
    """The one letter of a redrive that sends nothing."""
    result = run("redrive", *arguments, "--json")
    assert result.exit_code == 1, result.output
    answer = json.loads(result.stdout)
    assert answer["redriven"] == 0
    (letter,) = answer["letters"]
    assert isinstance(letter, dict)
    return letter


def test_a_redriven_record_lies_in_its_topic_again_and_says_where_it_comes_from(
    stream: Stream, told: RunJson
) -> None:
    value = payment("ann")
    (place,) = post(stream, [Post("ann", value=value)])
    before_ms = time.time_ns() // 1_000_000

    answer = told("redrive", "--letter", str(place))

    assert (answer["redriven"], answer["chosen"], answer["dry_run"]) == (1, 1, False)
    (record,) = read(stream, topics.PAYMENTS, 1)
    assert (record.key, record.value) == (b"ann", value)
    assert record.partition == partition_of("ann", 3)
    assert before_ms <= record.timestamp_ms <= time.time_ns() // 1_000_000
    headers = dict(record.headers)
    assert headers.pop("redrive.at").decode() == str(record.timestamp_ms)
    assert headers == {
        "redrive.topic": (stream.prefix + "dead-letters").encode(),
        "redrive.partition": str(place.partition).encode(),
        "redrive.offset": str(place.offset).encode(),
        "redrive.count": b"1",
        "redrive.chain": str(place).encode(),
    }
    assert answer["letters"][0]["sent"] == {
        "topic": stream.prefix + "payments",
        "partition": record.partition,
        "offset": record.offset,
    }


def test_a_letter_is_redriven_once_however_often_the_command_is_run(
    stream: Stream, told: RunJson
) -> None:
    post(stream, [Post(user, value=payment(user)) for user in ("ann", "bob", "cleo") * 2])

    first = told("redrive", "--reason", "INVALID")
    second = told("redrive", "--reason", "INVALID")
    forced = told("redrive", "--all", "--force")

    assert first["rulings"] == {"REDRIVE": 6}
    assert second["rulings"] == forced["rulings"] == {"REDRIVEN": 6}
    assert len(read(stream, topics.PAYMENTS, 6)) == 6
    assert len(marks(stream, 6)) == 6


def test_a_dry_run_tells_what_would_be_done_and_does_nothing(stream: Stream, told: RunJson) -> None:
    post(stream, [Post("ann", value=payment("ann")), Post("ann", reason="TOO_LATE")])

    answer = told("redrive", "--user", "ann", "--dry-run")

    assert answer["dry_run"]
    assert answer["rulings"] == {"REDRIVE": 1, "WOULD_COME_BACK": 1}
    assert stream.read(topics.PAYMENTS) == []
    assert marks(stream, 0) == {}


def test_only_chosen_letters_go_back_and_no_more_than_the_limit(
    stream: Stream, told: RunJson
) -> None:
    posts = [Post("ann", value=payment("ann", event_id=f"e{i}"), offset=i) for i in range(5)]
    places = post(stream, posts)

    told("redrive", "--user", "ann", "--from-offset", str(places[1].offset), "--limit", "2")

    records = read(stream, topics.PAYMENTS, 2)
    sent = [fields_of("Payment", record.value)["event_id"] for record in records if record.value]
    assert sent == ["e1", "e2"]


def test_a_redrive_without_filters_wants_to_be_told_that_all_are_meant(
    stream: Stream, run: Run
) -> None:
    post(stream, [Post("ann", value=payment("ann"))])
    result = run("redrive")
    assert result.exit_code == 2
    assert "--all" in result.stderr
    assert run("redrive", "--all", "--user", "ann").exit_code == 2
    assert stream.read(topics.PAYMENTS) == []


def at_a_terminal(stream: Stream, answer: str, *arguments: str) -> int:
    """Exit status of a redrive by somebody who types an answer."""
    ours, its = os.openpty()
    process = subprocess.Popen(  # noqa: S603 - our own
        [sys.executable, "-m", "pipeline.cli.main", "dlq", "redrive", *arguments],
        env={**os.environ, **stream.variables},
        stdin=its,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.write(ours, f"{answer}\n".encode())
    status = process.wait(240)
    os.close(ours)
    os.close(its)
    return status


def test_at_a_terminal_more_than_one_record_goes_back_only_after_a_yes(stream: Stream) -> None:
    ann, *_ = post(stream, [Post(user, value=payment(user)) for user in ("ann", "bob", "cleo")])

    assert at_a_terminal(stream, "n", "--all") == 1
    assert stream.read(topics.PAYMENTS) == []
    assert at_a_terminal(stream, "n", "--letter", str(ann)) == 0
    read(stream, topics.PAYMENTS, 1)
    assert at_a_terminal(stream, "y", "--all") == 0
    read(stream, topics.PAYMENTS, 3)


def test_at_a_terminal_nothing_is_asked_with_yes(stream: Stream) -> None:
    post(stream, [Post(user, value=payment(user)) for user in ("ann", "bob")])
    assert at_a_terminal(stream, "n", "--all", "--yes") == 0
    read(stream, topics.PAYMENTS, 2)


def test_a_letter_of_which_the_record_is_still_bad_stays_unless_it_is_forced(
    stream: Stream, run: Run, told: RunJson
) -> None:
    (place,) = post(stream, [Post("ann", value=payment("ann", currency="euro"))])

    letter = refusal(run, "--letter", str(place))

    assert letter["ruling"] == "WOULD_COME_BACK"
    assert "currency is 'euro'" in letter["why"]
    assert ruling(told("redrive", "--letter", str(place), "--force")) == "REDRIVE"
    assert read(stream, topics.PAYMENTS, 1)


def test_a_late_event_stays_unless_it_is_forced(stream: Stream, run: Run, told: RunJson) -> None:
    value = payment("ann", at_ms=NOW_MS - 40 * DAY_MS)
    (place,) = post(stream, [Post("ann", reason="TOO_LATE", value=value)])

    letter = refusal(run, "--letter", str(place))

    assert letter["ruling"] == "TOO_LATE"
    assert "would come back" in letter["why"]
    assert ruling(told("redrive", "--letter", str(place), "--force")) == "REDRIVE"


def test_a_future_event_goes_back_when_its_time_has_come_and_not_before(
    stream: Stream, run: Run, told: RunJson
) -> None:
    ahead, come = NOW_MS + 2 * DAY_MS, NOW_MS + DAY_MS - 60_000
    early, due = post(
        stream,
        [
            Post("ann", reason="FUTURE", value=payment("ann", at_ms=ahead)),
            Post("ann", reason="FUTURE", value=payment("ann", at_ms=come)),
        ],
    )

    letter = refusal(run, "--letter", str(early), "--force")

    assert letter["ruling"] == "NOT_YET"
    assert time.strftime("%Y-%m-%dT%H:%M", time.gmtime((ahead - DAY_MS) / 1000)) in letter["why"]
    assert ruling(told("redrive", "--letter", str(due))) == "REDRIVE"
    assert read(stream, topics.PAYMENTS, 1)


def test_a_letter_without_its_bytes_is_refused_and_says_where_the_record_was(
    stream: Stream, run: Run
) -> None:
    error = "user_id is missing; its 2100003 bytes are too many to be kept here"
    (place,) = post(stream, [Post("ann", key=None, value=None, error=error, offset=99)])

    letter = refusal(run, "--letter", str(place), "--force")

    assert letter["ruling"] == "NOT_KEPT"
    assert f"{partition_of('ann', 3)}@99" in letter["why"]


@pytest.mark.parametrize(
    "topic", [topics.PEER_SIGNALS, topics.SCORES, topics.partner_outcomes("nobody")]
)
def test_only_topics_that_are_written_from_outside_and_exist_take_records_back(
    stream: Stream, run: Run, topic: topics.Topic
) -> None:
    (place,) = post(stream, [Post("ann", topic=topic, value=payment("ann"))])
    assert refusal(run, "--letter", str(place), "--force")["ruling"] == "NOT_AN_INPUT"


def test_a_partners_report_goes_back_to_the_partners_topic(stream: Stream, told: RunJson) -> None:
    provision.ensure_topics(stream.settings, ["car-rental"])
    topic = topics.partner_enquiries("car-rental")
    fields = {
        "event_id": "e",
        "subject": "s",
        "occurred_at": NOW_MS,
        "purpose": "CAR_RENTAL_DEPOSIT",
    }
    value = value_of(topic, fields)
    (place,) = post(stream, [Post("s", topic=topic, value=value, error="not granted: no such")])

    told("redrive", "--letter", str(place))

    assert [record.value for record in read(stream, topic, 1)] == [value]


def fixing(folder: Path, fields: dict[str, Any]) -> list[str]:
    path = folder / "fixed.json"
    path.write_text(json.dumps(fields))
    return ["--fixed", str(path)]


def test_a_corrected_record_goes_in_the_letters_place(
    stream: Stream, told: RunJson, tmp_path: Path
) -> None:
    """What `list` shows can be put right in an editor and sent."""
    bad = payment("ann", event_id="e1", currency="euro", due_at=None)
    (place,) = post(stream, [Post("ann", value=bad)])
    (shown,) = told("list", "--letter", str(place))["letters"]
    fields = {k: v for k, v in shown["value"].items() if k != "due_at"} | {"currency": "EUR"}

    told("redrive", "--letter", str(place), *fixing(tmp_path, fields))

    (record,) = read(stream, topics.PAYMENTS, 1)
    assert record.value == payment("ann", event_id="e1", currency="EUR", due_at=None)
    marks(stream, 1)
    (listed,) = told("list", "--letter", str(place))["letters"]
    assert listed["redriven"]["fixed"]


def test_a_record_under_the_wrong_key_goes_to_the_partition_of_the_right_one(
    stream: Stream, told: RunJson, tmp_path: Path
) -> None:
    wrong = next(u for u in map(str, range(99)) if partition_of(u, 3) != partition_of("ann", 3))
    (place,) = post(stream, [Post(wrong, reason="KEY_MISMATCH", value=payment("ann"))])
    fields = fields_for(topics.PAYMENTS, "ann", NOW_MS)

    told("redrive", "--letter", str(place), *fixing(tmp_path, fields))

    (record,) = read(stream, topics.PAYMENTS, 1)
    assert record.key == b"ann"
    assert record.partition == partition_of("ann", 3)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"user_id": "eve"}, "somebody else"),
        ({"amount_minor": -1}, "breaks a rule: INVALID, amount_minor is -1"),
        ({"amount_minor": "12"}, "amount_minor is '12'"),
        ({"kind": "GIFT"}, "kind is 'GIFT'"),
        ({"amuont_minor": 1}, "the fields amuont_minor"),
    ],
)
def test_a_correction_that_is_none_is_refused(
    stream: Stream, run: Run, tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    (place,) = post(stream, [Post("ann")])
    fields = fields_for(topics.PAYMENTS, "ann", NOW_MS) | changes

    result = run("redrive", "--letter", str(place), *fixing(tmp_path, fields))

    assert result.exit_code == 2
    assert complaint in result.stderr
    assert stream.read(topics.PAYMENTS) == []


def test_a_correction_is_for_one_letter_only(stream: Stream, run: Run, tmp_path: Path) -> None:
    post(stream, [Post("ann"), Post("ann")])
    result = run("redrive", "--user", "ann", *fixing(tmp_path, {}))
    assert result.exit_code == 2
    assert "--letter" in result.stderr


def test_a_letter_that_came_back_names_the_whole_chain_when_it_goes_again(
    stream: Stream, told: RunJson
) -> None:
    (first,) = post(stream, [Post("ann", value=payment("ann"))])
    told("redrive", "--letter", str(first))
    (sent,) = read(stream, topics.PAYMENTS, 1)
    (second,) = post(stream, [Post("ann", value=sent.value, headers=sent.headers)])

    (listed,) = told("list", "--letter", str(second))["letters"]
    told("redrive", "--letter", str(second))

    assert listed["came_back"]["letter"] == str(first)
    assert listed["came_back"]["count"] == 1
    headers = dict(read(stream, topics.PAYMENTS, 2)[-1].headers)
    assert headers["redrive.count"] == b"2"
    assert headers["redrive.chain"].decode() == f"{first} {second}"


def test_a_record_too_big_for_its_topic_stays_and_the_others_go(
    stream: Stream, run: Run, told: RunJson
) -> None:
    """Random bytes do not compress, so the topic does not take what the letters hold."""
    import random  # noqa: PLC0415 - here alone

    noise = random.Random(7).randbytes(1_500_000)
    post(stream, [Post("ann", value=payment("ann")), Post("ann", value=noise)])
    post(stream, [Post("ann", value=payment("ann"))])

    answer = told("redrive", "--user", "ann", "--force")

    assert answer["rulings"] == {"REDRIVE": 2, "REFUSED_BY_BROKER": 1}
    assert len(read(stream, topics.PAYMENTS, 2)) == len(marks(stream, 2))


def test_a_mark_of_a_letter_that_is_no_longer_kept_is_removed(
    stream: Stream, told: RunJson
) -> None:
    posts = [Post("ann", value=payment("ann")) for _ in range(3)]
    old, _, new = post(stream, posts)
    told("redrive", "--letter", str(old))
    with provision.admin(stream.settings) as client:
        from kafka import TopicPartition  # noqa: PLC0415 - here alone

        name = stream.prefix + topics.DEAD_LETTERS.name
        client.delete_records({TopicPartition(name, old.partition): old.offset + 1})

    told("redrive", "--letter", str(new))

    latest = {r.key: r.value for r in read(stream, topics.DEAD_LETTER_REDRIVES, 3)}
    assert latest[str(old).encode()] is None
    assert latest[str(new).encode()] is not None


def test_an_old_mark_does_not_stand_for_a_new_letter_at_its_place(
    stream: Stream, told: RunJson
) -> None:
    """As after the topic of dead letters was deleted and made again."""
    (place,) = post(stream, [Post("ann", value=payment("ann"), failed_at_ms=FAILED_AT_MS)])
    told("redrive", "--letter", str(place))
    (record,) = marks(stream, 1).values()
    assert record.value is not None
    stale = json.loads(record.value) | {"failed_at_ms": FAILED_AT_MS - 1}
    post_mark(stream, record.partition, str(place), json.dumps(stale).encode())

    assert told("redrive", "--letter", str(place))["redriven"] == 1


def test_a_mark_of_another_form_still_counts(stream: Stream, told: RunJson) -> None:
    (place,) = post(stream, [Post("ann", value=payment("ann"))])
    post_mark(stream, place.partition, str(place), b'{"form": 2}')

    assert told("redrive", "--letter", str(place))["rulings"] == {"REDRIVEN": 1}
    (listed,) = told("list", "--redriven")["letters"]
    assert listed["letter"] == str(place)


def post_mark(stream: Stream, partition: int, key: str, value: bytes) -> None:
    from confluent_kafka import Producer  # noqa: PLC0415 - here alone

    producer = Producer({"bootstrap.servers": stream.bootstrap, "log_level": 0})
    producer.produce(stream.prefix + topics.DEAD_LETTER_REDRIVES.name, value, key, partition)
    assert producer.flush(120) == 0
