"""However records, restarts, compaction and absences interleave, the view is a naive replay's."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.partners.database import Database
from pipeline.partners.rebuild import AWAY_MS_MAX, Found
from pipeline.partners.records import Change, PartnerScore
from pipeline.partners.store import ViewStore
from pipeline.partners.tracker import Raw, Tracker
from tests.unit.partners.seen import PARTNER, REGISTRY, TOPIC, seen, value

SUBJECTS = ("ann", "ben", "cara")
PARTITIONS = 2


@dataclass(frozen=True)
class Written:
    """A record of the topic; ``score`` None takes the subject back, ``bad`` cannot be read."""

    offset: int
    subject: str
    score: PartnerScore | None
    bad: bool = False

    @property
    def raw(self) -> Raw:
        key = self.subject.encode()
        if self.bad:
            return Raw(key, b"\0\0\0\0\1nonsense")
        return Raw(key, None if self.score is None else value(self.score))


@dataclass
class Topic:
    """A compacted topic, as lists."""

    topic_id: str = "id-0"
    logs: list[list[Written]] = field(default_factory=lambda: [[] for _ in range(PARTITIONS)])
    ends: list[int] = field(default_factory=lambda: [0] * PARTITIONS)
    sequences: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SUBJECTS, 0))

    def write(self, subject: str, kind: str) -> None:
        number = SUBJECTS.index(subject) % PARTITIONS
        if kind == "end":
            self.sequences[subject] = 0
        elif kind == "score" or self.sequences[subject] == 0:
            self.sequences[subject] += 1
        sequence = self.sequences[subject] - (1 if kind == "older" else 0)
        score = (
            None
            if kind in ("end", "bad")
            else seen(subject, max(1, sequence), as_of_ms=self.ends[number])
        )
        record = Written(self.ends[number], subject, score, bad=kind == "bad")
        if kind == "bad":
            self.sequences[subject] = 0
        self.logs[number].append(record)
        self.ends[number] += 1

    def compact(self, *, forget: bool) -> None:
        """Only the latest of each subject stays; ``forget``: nor does its end, if it is one.

        What a late repeat would hide stays too: then it was not compacted yet.
        """
        shown = naive(self).values()
        for number, log in enumerate(self.logs):
            latest = {record.subject: record.offset for record in log}
            self.logs[number] = [
                r
                for r in log
                if (
                    latest[r.subject] == r.offset and not (forget and r.score is None and not r.bad)
                )
                or any(r.score is score for score in shown)
            ]

    def make_anew(self) -> None:
        self.topic_id = f"id-{int(self.topic_id[3:]) + 1}"
        self.logs = [[] for _ in range(PARTITIONS)]
        self.ends = [0] * PARTITIONS
        self.sequences = dict.fromkeys(SUBJECTS, 0)

    @property
    def found(self) -> Found:
        return Found(self.topic_id, dict.fromkeys(range(PARTITIONS), 0), dict(enumerate(self.ends)))


@dataclass
class Partner:
    """A partner's program that may end at any point; ``told`` is what its callbacks heard."""

    topic: Topic
    path: Path
    now_ms: int = 1_790_000_000_000
    told: dict[str, PartnerScore] = field(default_factory=dict)

    def start(self) -> None:
        self.database = Database(self.path)
        store = ViewStore(self.database.view)
        self.tracker = Tracker(TOPIC, PARTNER, REGISTRY, store, lambda: self.now_ms)
        self.positions, _ = self.tracker.stand(self.topic.found)

    def restart(self) -> None:
        self.database.close()
        self.start()

    def read(self, number: int, most: int) -> None:
        waiting = [r for r in self.topic.logs[number] if r.offset >= self.positions[number]]
        batch = waiting[:most]
        reached = batch[-1].offset + 1 if len(batch) < len(waiting) else self.topic.ends[number]
        self.positions[number] = reached
        self.hear(self.tracker.take([record.raw for record in batch], {number: reached}))
        if self.positions == dict(enumerate(self.topic.ends)):
            self.hear(self.tracker.caught_up(self.positions, self.now_ms))

    def read_to_the_end(self) -> None:
        for number in range(PARTITIONS):
            self.read(number, 1_000)

    def hear(self, changes: list[Change]) -> None:
        for change in changes:
            if change.seen is None:
                del self.told[change.subject]
            else:
                self.told[change.subject] = change.seen

    def be_away(self, ms: int) -> None:
        self.database.close()
        self.now_ms += ms
        if ms > AWAY_MS_MAX:
            self.topic.compact(forget=True)
        self.start()

    @property
    def sees(self) -> dict[str, PartnerScore]:
        found = {subject: self.tracker.get(subject, self.now_ms) for subject in SUBJECTS}
        return {subject: score for subject, score in found.items() if score is not None}


def naive(topic: Topic) -> dict[str, PartnerScore]:
    """Of each subject, the first record of the highest sequence since its last end."""
    shown: dict[str, PartnerScore] = {}
    for log in topic.logs:
        for record in log:
            if record.score is None:
                shown.pop(record.subject, None)
            elif record.subject not in shown or (
                record.score.sequence > shown[record.subject].sequence
            ):
                shown[record.subject] = record.score
    return shown


def by_sequence(scores: dict[str, PartnerScore]) -> dict[str, int]:
    return {subject: score.sequence for subject, score in scores.items()}


writes = st.tuples(
    st.just("write"),
    st.sampled_from(SUBJECTS),
    st.sampled_from(["score", "score", "score", "score", "repeat", "older", "older", "end", "bad"]),
)
reads = st.tuples(st.just("read"), st.integers(0, PARTITIONS - 1), st.integers(1, 4))
others = st.sampled_from([("restart",), ("short",), ("compact",), ("long",), ("anew",), ("end",)])


def do(partner: Partner, step: tuple[object, ...]) -> None:
    match step:
        case ("write", str(subject), str(kind)):
            partner.topic.write(subject, kind)
        case ("read", int(number), int(most)):
            partner.read(number, most)
        case ("restart",):
            partner.restart()
        case ("short",):
            partner.be_away(AWAY_MS_MAX // 8)
        case ("compact",):
            partner.topic.compact(forget=False)
        case ("long",):
            partner.be_away(AWAY_MS_MAX + 1)
        case ("anew",):
            partner.topic.make_anew()
            partner.restart()
        case ("end",):
            read_and_compare(partner)


def read_and_compare(partner: Partner) -> None:
    partner.read_to_the_end()
    assert by_sequence(partner.sees) == by_sequence(naive(partner.topic))
    assert partner.told == partner.sees, "callbacks and view differ"


@settings(max_examples=60)
@given(st.lists(writes | writes | reads | others, min_size=10, max_size=60))
def test_whatever_happens_in_between_the_view_ends_as_a_naive_replay(
    steps: list[tuple[object, ...]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        partner = Partner(Topic(), Path(folder) / "partner.sqlite")
        partner.start()
        for step in steps:
            do(partner, step)
        read_and_compare(partner)
        partner.restart()
        assert partner.told == partner.sees, "the restarted view differs"
        partner.database.close()
