"""The peers in Java score as the plain implementation and as our worker does."""

import json
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline import settings, topics
from pipeline.codec.encode import decode_record
from pipeline.codec.registry import FileRegistry
from pipeline.dev.bench import check, jvm, ours, systems
from pipeline.dev.bench.arithmetic import Run
from pipeline.dev.bench.jvm import Tuning
from pipeline.dev.bench.jvm_build import class_path, java
from pipeline.dev.bench.plain.codec import Reader, Writer
from pipeline.dev.bench.plain.people import People, Told
from pipeline.dev.bench.plain.scoring import Card
from pipeline.dev.bench.workload import Workload
from pipeline.factors.admission import Policy
from pipeline.reference.events import Consent
from pipeline.resources import schemas_dir
from pipeline.scoring.model import MODELS_FOLDER, load_model
from tests.integration.support.records import fields_for, value_of
from tests.property.dev.test_plain_scoring import SHAPES, as_record
from tests.property.factors.histories import Historian

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),  # the first build fetches what it needs
    # Where nothing may be left out, a missing Maven is told by the build itself.
    pytest.mark.skipif(
        shutil.which("mvn") is None and not os.environ.get("SESAME_TEST_REQUIRE_ALL"),
        reason="Maven is not installed",
    ),
]

MODEL = "default@1"
WORKLOAD = Workload(people=80, events=3_000, seed=5)
OWN_FIELDS = ("computed_at", "event_id")


@pytest.fixture(scope="module")
def built() -> str:
    return class_path(jvm.KAFKA_STREAMS, settings.load().cache_dir, lambda _: None)


class Sent(NamedTuple):
    place: int
    kafka_ms: int
    value: bytes


class Written(NamedTuple):
    signal: bool
    key: str
    fields: dict[str, Any] | None


def history(seed: int) -> Iterator[Sent]:
    """The records of a random history, with repeats, late ones, withdrawals and disputes."""
    historian = Historian(seed, SHAPES[seed])
    for made in [*historian.enrolment(), *historian.events(300)]:
        event = replace(made, expires_ms=None) if isinstance(made, Consent) else made
        name, given = as_record(event)
        place, topic = next((i, t) for i, t in enumerate(topics.INPUTS) if t.name == name)
        if "other_user_id" in given:
            given["other_user_id"] = str(given["other_user_id"])
        usual = {} if topic is topics.PEER_SIGNALS else fields_for(topic, "", 0)
        fields = usual | given | {"event_id": str(event.id_hash)}
        yield Sent(place, event.kafka_ms, value_of(topic, fields))


def as_written(signal: bool, key: str, value: bytes | None) -> Written:
    if value is None:
        return Written(signal, key, None)
    fields = decode_record(value, FileRegistry())
    return Written(signal, key, {k: v for k, v in fields.items() if k not in OWN_FIELDS})


def in_python(sent: list[Sent]) -> Iterator[list[Written]]:
    card = Card(load_model(MODEL))
    writer = Writer(card.model, FileRegistry())
    people = People({}, card, Policy())
    readers = [Reader(topic) for topic in topics.INPUTS]
    for place, kafka_ms, value in sent:
        name = topics.INPUTS[place].name
        told: Told = people.apply(name, readers[place](value), 0, kafka_ms)
        scores = [as_written(False, new.user, writer.score(new)) for new in told.scores]
        signals = [as_written(True, s.said.receiver, writer.signal(s, "")) for s in told.signals]
        yield scores + signals


def in_java(sent: list[Sent], built: str, folder: Path) -> Iterator[list[Written]]:
    table = folder / "probabilities.json"
    table.write_text(json.dumps(load_model(MODEL).lookup.probability.tolist()))
    told = {
        "SESAME_BENCH_LATENESS_DAYS": str(Policy().lateness_days),
        "SESAME_BENCH_MODEL": str(MODELS_FOLDER / f"{MODEL}.toml"),
        "SESAME_BENCH_PROBABILITIES": str(table),
        "SESAME_BENCH_SCHEMAS": str(schemas_dir()),
    }
    done = subprocess.run(  # noqa: S603 - our own Java
        [java(), "-cp", built, "sesame.bench.scoring.ApplyStdin"],
        input=b"".join(
            struct.pack(">BqI", place, kafka_ms, len(value)) + value
            for place, kafka_ms, value in sent
        ),
        env=os.environ | told,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    out = BytesIO(done.stdout)
    while count := out.read(4):
        yield [read_written(out) for _ in range(int.from_bytes(count))]


def read_written(out: BytesIO) -> Written:
    signal, key_length = struct.unpack(">?H", out.read(3))
    key = out.read(key_length).decode()
    (length,) = struct.unpack(">i", out.read(4))
    return as_written(signal, key, None if length < 0 else out.read(length))


def by_key(written: list[Written]) -> list[Written]:
    """Who is told first when many are is nobody's business."""
    return sorted(written, key=lambda w: (w.signal, w.key, str(w.fields)))


@pytest.mark.parametrize("seed", range(len(SHAPES)))
def test_every_event_of_a_random_history_has_the_effect_it_has_in_python(
    seed: int, built: str, tmp_path: Path
) -> None:
    sent = list(history(seed))
    wanted = [by_key(written) for written in in_python(sent)]
    found = [by_key(written) for written in in_java(sent, built, tmp_path)]
    assert any(wanted)
    assert found == wanted


@pytest.fixture
def bench(kafka: str, topic_prefix: str, tmp_path: Path) -> systems.Bench:
    current = settings.load(bootstrap=kafka, topic_prefix=topic_prefix, partitions=2)
    return systems.Bench(current, tmp_path, lambda _: None)


def our_scores(bench: systems.Bench) -> dict[str, dict[str, Any]]:
    with systems.topics_of(bench, systems.SESAME) as chosen:
        ours.run_sesame(bench, WORKLOAD, 1, chosen)
        return check.final_scores(chosen, FileRegistry())


def assert_measured(run: Run) -> None:
    assert run.events == WORKLOAD.timed_events
    assert run.events_per_second > 0
    assert run.cpu_seconds > 0
    assert run.peak_rss_mb > 100


def test_both_guarantees_of_kafka_streams_come_to_the_scores_of_our_worker(
    bench: systems.Bench,
) -> None:
    wanted = our_scores(bench)
    for exactly_once in (False, True):
        with systems.topics_of(bench, jvm.KAFKA_STREAMS) as chosen:
            tuning = Tuning(exactly_once=exactly_once)
            theirs = jvm.run_kafka_streams(bench, WORKLOAD, int(exactly_once), chosen, tuning)
            checked = check.same_scores(wanted, check.final_scores(chosen, FileRegistry()))
        assert checked.people > 60
        assert checked.scored > 50
        assert theirs.run.system == "kafka-streams"
        assert_measured(theirs.run)


def test_flink_comes_to_the_scores_of_our_worker(bench: systems.Bench) -> None:
    with systems.topics_of(bench, jvm.FLINK) as chosen:
        theirs = jvm.run_flink(bench, WORKLOAD, 1, chosen)
        checked = check.same_scores(our_scores(bench), check.final_scores(chosen, FileRegistry()))
    assert checked.people > 60
    assert checked.scored > 50
    assert theirs.run.system == "flink"
    assert_measured(theirs.run)
