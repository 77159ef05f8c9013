import json
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline import topics
from tests.integration.deadletters.conftest import Run, RunJson
from tests.integration.deadletters.letters import FAILED_AT_MS, Post, payment, post
from tests.integration.support.stream import Stream

MINUTE_MS = 60_000


def moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()


def listed(told: dict[str, Any]) -> list[str]:
    return [letter["letter"] for letter in told["letters"]]


def minutes(stream: Stream, users: str = "abcdefgh") -> list[str]:
    """One letter a user, a minute apart, the last one of another kind; their places."""
    posts = [
        Post(user, offset=at, failed_at_ms=FAILED_AT_MS + at * MINUTE_MS, error=f"error of {user}")
        for at, user in enumerate(users[:-1])
    ]
    last = Post(
        users[-1],
        topics.CONSENTS,
        "UNKNOWN_SCHEMA",
        "No Schema has id 77",
        failed_at_ms=FAILED_AT_MS + len(posts) * MINUTE_MS,
    )
    return [str(place) for place in post(stream, [*posts, last])]


def test_letters_come_newest_first_or_oldest_first_across_partitions(
    stream: Stream, told: RunJson
) -> None:
    places = minutes(stream)
    assert len({place.partition("@")[0] for place in places}) > 1
    assert listed(told("list")) == places[::-1]
    assert listed(told("list", "--oldest")) == places
    assert listed(told("list", "--limit", "3")) == places[:-4:-1]
    assert listed(told("list", "--oldest", "--limit", "2")) == places[:2]
    assert told("list", "--limit", "3")["total"] == 8


def test_every_filter_leaves_what_it_names(stream: Stream, told: RunJson) -> None:
    places = minutes(stream)
    last = len(places) - 1

    def chosen(*arguments: str) -> set[int]:
        return {places.index(place) for place in listed(told("list", *arguments))}

    assert chosen("--reason", "UNKNOWN_SCHEMA") == {last}
    assert chosen("--reason", "UNKNOWN_SCHEMA", "--reason", "INVALID") == set(range(last + 1))
    assert chosen("--topic", "consents") == {last}
    assert chosen("--topic", stream.prefix + "payments") == set(range(last))
    assert chosen("--key", "c") == {2}
    assert chosen("--user", "c") == {2}
    assert chosen("--error", "no schema") == {last}
    assert chosen("--since", moment(FAILED_AT_MS + 5 * MINUTE_MS)) == {5, 6, 7}
    assert chosen("--until", moment(FAILED_AT_MS + 2 * MINUTE_MS)) == {0, 1}
    assert chosen("--letter", places[3], "--letter", places[5]) == {3, 5}
    assert chosen("--topic", "payments", "--record", f"{places[4].split('@')[0]}@4") == {4}
    for partition in "012":
        within = {at for at, place in enumerate(places) if place.startswith(f"{partition}@")}
        assert chosen("--partition", partition) == within
        beyond = {at for at in within if int(places[at].split("@")[1]) >= 1}
        assert chosen("--partition", partition, "--from-offset", "1") == beyond
        assert chosen("--partition", partition, "--to-offset", "0") == within - beyond


def test_counts_are_by_topic_and_reason(stream: Stream, told: RunJson, run: Run) -> None:
    minutes(stream)

    counted = told("list", "--count")

    assert counted["counts"] == [
        {"topic": stream.prefix + "payments", "reason": "INVALID", "letters": 7},
        {"topic": stream.prefix + "consents", "reason": "UNKNOWN_SCHEMA", "letters": 1},
    ]
    assert counted["reasons"] == {"INVALID": 7, "UNKNOWN_SCHEMA": 1}
    assert counted["letters"] == []
    assert "UNKNOWN_SCHEMA" in run("list", "--count").stdout


def test_a_letter_shows_its_record_as_it_decodes_its_headers_and_its_size(
    stream: Stream, told: RunJson, run: Run
) -> None:
    value = payment("ann", event_id="e1", amount_minor=12)
    (place,) = post(stream, [Post("ann", value=value, headers=[("redrive.count", b"1")])])

    (letter,) = told("list")["letters"]

    assert letter["value"]["event_id"] == "e1"
    assert letter["value"]["amount_minor"] == 12
    assert letter["value_bytes"] == len(value)
    assert letter["schema_id"] == 2
    assert letter["key"] == "ann"
    assert ["redrive.count", "1"] in letter["headers"]
    assert ["dlq.reason", "INVALID"] in letter["headers"]
    text = run("list").stdout
    assert str(place) in text
    assert '"event_id": "e1"' in text


HOSTILE: list[dict[str, Any]] = [
    {"value": b""},
    {"value": None},
    {"value": b"\0"},
    {"value": b"\0\0\0\0\2"},
    {"value": b"\0\0\0\0\2" + b"\xff" * 50},
    {"value": b"\0\0\0\0\2" + b"\xfe\xff\xff\xff\x0f" * 9},
    {"value": b"\0\xff\xff\xff\xff" + b"\x80" * 5_000},
    {"value": b"\x1b[2J\x07" * 2_000_00},
    {"value": b"\1", "key": b"\xff\x1b[31m\0\n"},
    {"value": b"\1", "key": None},
    {"value": b"\1", "error": "\x1b]0;owned\x07\u202e" + "x" * 2_000},
    {"value": b"\1", "failed_at_ms": 10**18},
    {"value": b"\1", "failed_at_ms": -5},
    {"value": b"\1", "reason": "\x9b2J", "offset": 10**30},
    {"value": b"\1", "headers": [("dlq.offset", b"\xff"), ("redrive.offset", b"-1")]},
    {"value": b"\1", "headers": [("redrive.count", b"9" * 5_000), ("redrive.chain", b"@ @ 3@x")]},
]


def test_whatever_bytes_a_letter_holds_it_is_shown_and_steers_no_terminal(
    stream: Stream, told: RunJson, run: Run
) -> None:
    post(stream, [Post(f"eve-{at}", **changes) for at, changes in enumerate(HOSTILE)])

    answer = told("list", "--limit", "100")
    text = run("list", "--limit", "100").stdout

    assert answer["total"] == len(answer["letters"]) == len(HOSTILE)
    assert all(letter["value"] is None for letter in answer["letters"])
    assert len(json.dumps(answer)) < 200_000
    assert "\\x1b[2J" in text
    assert all(c.isprintable() or c == "\n" for c in text)
    assert json.loads(run("redrive", "--all", "--force", "--dry-run", "--json").stdout)["chosen"]


def test_a_letter_without_headers_is_shown(stream: Stream, told: RunJson) -> None:
    from confluent_kafka import Producer  # noqa: PLC0415 - here alone

    producer = Producer({"bootstrap.servers": stream.bootstrap, "log_level": 0})
    producer.produce(stream.prefix + topics.DEAD_LETTERS.name, b"v")
    assert producer.flush(120) == 0

    (letter,) = told("list")["letters"]

    assert (letter["topic"], letter["partition"], letter["failed_at"]) == ("", -1, "")
    (ruled,) = told("redrive", "--all", "--dry-run")["letters"]
    assert ruled["ruling"] == "NOT_AN_INPUT"


def test_a_redriven_letter_says_when_and_where_its_record_lies_now(
    stream: Stream, told: RunJson, run: Run
) -> None:
    posts = [Post("ann", value=payment("ann")), Post("bob", value=payment("bob"))]
    ann, bob = map(str, post(stream, posts))
    sent = told("redrive", "--letter", ann)["letters"][0]["sent"]
    stream.until(lambda: bool(stream.read(topics.DEAD_LETTER_REDRIVES)))

    (redriven,) = told("list", "--redriven")["letters"]
    (left,) = told("list", "--not-redriven")["letters"]

    assert (redriven["letter"], left["letter"], left["redriven"]) == (ann, bob, None)
    (mark,) = stream.read(topics.DEAD_LETTER_REDRIVES)
    when = datetime.fromisoformat(redriven["redriven"].pop("at")).timestamp() * 1000
    assert abs(mark.timestamp_ms - when) < MINUTE_MS
    assert redriven["redriven"] == {"count": 1, "fixed": False, "forced": False, **sent}
    assert f"as {sent['topic']}/{sent['partition']}@{sent['offset']}" in run("list").stdout


def test_a_registry_that_fails_leaves_values_undecoded_and_says_so(
    stream: Stream, told: RunJson, run: Run
) -> None:
    post(stream, [Post("ann", value=payment("ann")), Post("bob", value=payment("bob"))])

    down = "http://127.0.0.1:9"
    letters = told("list", SESAME_REGISTRY_URL=down)["letters"]

    assert [letter["value"] for letter in letters] == [None, None]
    assert all(f"{down}/ fails" in letter["decode_error"] for letter in letters)
    assert "not decoded: the schema registry" in run("list", SESAME_REGISTRY_URL=down).stdout


@pytest.mark.parametrize(
    "arguments",
    [["--letter", "3"], ["--letter", "a@b"], ["--since", "yesterday"], ["--reason", "NONE"]],
)
def test_a_filter_that_cannot_be_read_is_refused(run: Run, arguments: list[str]) -> None:
    result = run("list", *arguments)
    assert result.exit_code == 2
    assert arguments[1] in result.stderr


def test_without_the_topic_the_command_that_makes_it_is_named(kafka: str, run: Run) -> None:
    result = run("list", SESAME_TOPIC_PREFIX="nowhere.")
    assert result.exit_code == 1
    assert "sesame topics apply" in result.stderr
