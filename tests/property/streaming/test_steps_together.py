"""Several partitions' batches in one step write what a step of each would."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codec.encode import decode_record
from pipeline.codec.murmur import murmur2_all, partitions_of
from pipeline.codec.registry import FileRegistry
from pipeline.dev.simulator import Spec, simulate
from pipeline.dev.simulator.bad import Sent
from pipeline.dev.simulator.history import History
from pipeline.dev.simulator.traffic import Mistakes, Traffic
from pipeline.factors.fold import Policy
from pipeline.scoring.model import load_model
from pipeline.streaming import step
from pipeline.streaming.arrivals import decode, decode_together
from pipeline.streaming.output import Output
from pipeline.streaming.position import Position
from pipeline.streaming.records import Entry, Header
from pipeline.streaming.store import PartitionStore

PARTITIONS = 3
NOW_MS = 1_780_300_000_000  # 2026-06-01
REGISTRY = FileRegistry()
MODEL = load_model("default@1")
DRAWN = {"event_id", "computed_at"}
"""Fields that differ from run to run."""
DRAWN_HEADERS = {"dlq.failed_at"}


@dataclass(frozen=True)
class Fetched:
    """A record as a lane takes it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header] = ()


Records = dict[str, list[Fetched]]


@dataclass
class Partition:
    """One partition's people, and all that it wrote."""

    number: int
    store: PartitionStore = field(default_factory=PartitionStore)
    position: Position = field(default_factory=Position)
    written: list[Any] = field(default_factory=list)

    @property
    def context(self) -> step.StepContext:
        return step.StepContext(REGISTRY, MODEL, Policy(), self.number, PARTITIONS, "x.")

    def commit(self, output: Output) -> None:
        for user in output.erased:
            self.store.remove(user)
        self.store.scatter(output.state, output.changed)
        self.position = output.position
        self.written.append(plain(output))

    def state(self) -> Any:
        users = sorted(itertools.chain.from_iterable(self.store.chunks(1_000)))
        state = self.store.gather(users)
        return users, state.rows.tobytes(), state.ledgers.tobytes(), state.contracts, state.links


def plain(output: Output) -> Any:
    """What an output says, whatever the order of its people."""
    return (
        output.kind,
        output.position,
        output.outcomes,
        output.refused,
        output.consent_changes,
        sorted(output.erased),
        Counter(output.changelog),
        sorted(output.published_scores.tolist()),
        counted(output.scores),
        counted(output.score_changes),
        counted(output.peer_signals),
        Counter(
            (
                letter.key,
                letter.value,
                letter.topic,
                letter.reason,
                tuple(header for header in letter.headers if header[0] not in DRAWN_HEADERS),
            )
            for letter in output.dead_letters
        ),
    )


def counted(entries: list[Entry]) -> Counter[Any]:
    return Counter((key, told(value)) for key, value in entries)


def told(value: bytes | None) -> str | None:
    if value is None:
        return None
    fields = decode_record(value, REGISTRY)
    return repr({name: said for name, said in fields.items() if name not in DRAWN})


@cache
def traffic() -> list[Sent]:
    """A year of thirty people, with what producers do wrong."""
    spec = Spec(30, 12, NOW_MS, seed=5, withdrawal_rate=0.3).for_events(1_500)
    made: History = simulate(spec)
    mistakes = Mistakes(bad_share=0.05, repeat_share=0.05)
    return [r for chunk in Traffic(made, REGISTRY, mistakes).chunks() for r in chunk.records]


def batches(sizes: Sequence[int]) -> list[list[Records]]:
    """The traffic in rounds of so many records, by partition."""
    sent = traffic()
    places = partitions_of(murmur2_all([each.key or b"" for each in sent]), PARTITIONS)
    offsets: Counter[tuple[str, int]] = Counter()
    rounds: list[list[Records]] = []
    start = 0
    for size in itertools.cycle(sizes):
        if start >= len(sent):
            return rounds
        by_partition: list[Records] = [defaultdict(list) for _ in range(PARTITIONS)]
        for number, one in enumerate(sent[start : start + size], start):
            place, name = int(places[number]), one.topic.name
            offset = offsets[name, place]
            offsets[name, place] += 1
            by_partition[place][name].append(Fetched(offset, NOW_MS, one.key, one.value))
        rounds.append(by_partition)
        start += size
    return rounds


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=6).filter(lambda s: max(s) > 200))
def test_what_is_done_together_is_what_each_would_do(sizes: list[int]) -> None:
    alone = [Partition(number) for number in range(PARTITIONS)]
    joined = [Partition(number) for number in range(PARTITIONS)]
    for by_partition in batches(sizes):
        given_some = [number for number in range(PARTITIONS) if by_partition[number]]
        for number in given_some:
            one = alone[number]
            decoded = decode(by_partition[number], REGISTRY)
            folded = step.fold(one.store, decoded, one.position, one.context)
            one.commit(step.finish(folded, one.position, one.context))
        some = [joined[number] for number in given_some]
        together = decode_together([by_partition[p.number] for p in some], REGISTRY)
        folded = step.fold_together(
            [step.Share(p.context, p.store, p.position) for p in some], together
        )
        outputs = step.finish_together(
            folded, [p.position for p in some], [p.context for p in some]
        )
        for one, output in zip(some, outputs, strict=True):
            one.commit(output)
    for one, other in zip(alone, joined, strict=True):
        assert one.written == other.written
        assert one.state() == other.state()
    assert sum(len(one.store) for one in alone) > 15
    assert any(entry[-1] for one in alone for entry in one.written)  # dead letters among it
