"""What an event, a person and a core come to, from the kept figures of the measurements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Self

from pipeline import topics

_MB = 10**6
_LIVE_SHARE = 0.5
"""The load of `--latency` that is taken: the one that sizing fills a core to."""
_OURS = "sesame"
_DIMENSIONS = ("workers", "people", "partitions", "skew")
_PER_EVENT = (topics.CHANGELOG, topics.SCORES, topics.SCORE_CHANGES, topics.PEER_SIGNALS)


@dataclass(frozen=True, slots=True)
class Measured:
    """Of the middle with most people; bytes are of keys and values, before any compression.

    ``backlog_events`` and ``live_events`` are those that a core's time is enough for: on a backlog
    of these people, and under half load with the people of `--latency`, None where none was kept.
    ``output_bytes``, ``change_bytes`` and ``signal_bytes`` are of an event, ``score_bytes`` of a
    record of scores, ``journal_bytes`` and ``position_bytes`` of a transaction, ``person_bytes``
    of memory once restored, ``each_more_bytes`` the same by the slope from fewer people,
    ``work_bytes`` what a worker's peak under the backlog lies above that.
    """

    people: int
    backlog_events: float
    live_events: float | None
    input_bytes: float
    output_bytes: float
    change_bytes: float
    signal_bytes: float
    score_bytes: float
    journal_bytes: float
    position_bytes: float
    person_bytes: float
    each_more_bytes: float | None
    work_bytes: float
    state_bytes: float
    empty_bytes: float

    @property
    def events_per_core_second(self) -> float:
        """The fewer of both: batches are small under a live load, people many in a backlog."""
        return min(self.backlog_events, self.live_events or self.backlog_events)

    @classmethod
    def of(cls, scale: Mapping[str, Any], latency: Mapping[str, Any] | None) -> Self:
        """What `sesame bench --scale` kept, and `--latency` where it did."""
        held = _most_people(scale["summaries"])
        runs = [run for run in scale["runs"] if all(run["cell"][d] == held[d] for d in _DIMENSIONS)]
        return cls(
            people=held["people"],
            backlog_events=held["events_per_cpu_second"],
            live_events=_live(latency),
            input_bytes=median(run["input_bytes"] / run["events"] for run in runs),
            output_bytes=_an_event(runs, _PER_EVENT),
            change_bytes=_an_event(runs, [topics.SCORE_CHANGES]),
            signal_bytes=_an_event(runs, [topics.PEER_SIGNALS]),
            score_bytes=_a_record(runs, topics.SCORES),
            journal_bytes=_a_record(runs, topics.JOURNAL),
            position_bytes=median(_bytes(r["positions"]) / r["transactions"] for r in runs),
            person_bytes=held["bytes_a_person"],
            each_more_bytes=held["bytes_each_more"],
            work_bytes=_MB * median(run["peak_rss_mb"] - run["ready_rss_mb"] for run in runs),
            state_bytes=median(run["changelog_bytes"] / held["people"] for run in runs),
            empty_bytes=float(scale["empty_rss_mb"][str(held["partitions"])]) * _MB,
        )


def _most_people(summaries: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The cell with most people that is like the middle, the first of all, otherwise."""
    others = [name for name in _DIMENSIONS if name != "people"]
    alike = [each for each in summaries if all(each[d] == summaries[0][d] for d in others)]
    return max(alike, key=lambda each: float(each["people"]))


def _live(latency: Mapping[str, Any] | None) -> float | None:
    for each in latency["summaries"] if latency else ():
        is_ours = (each["system"], each["share"]) == (_OURS, _LIVE_SHARE)
        if is_ours and each["sustained"] == each["runs"]:
            return float(each["events_per_second"] / each["cores"])
    return None


def _an_event(runs: Sequence[Mapping[str, Any]], chosen: Sequence[topics.Topic]) -> float:
    """Bytes written to topics for an event."""
    return float(
        median(sum(_bytes(_volume(run, topic)) for topic in chosen) / run["events"] for run in runs)
    )


def _a_record(runs: Sequence[Mapping[str, Any]], topic: topics.Topic) -> float:
    """Bytes of a record of a topic; 0 where none was written."""
    volumes = [volume for run in runs if (volume := _volume(run, topic))["records"]]
    return median(_bytes(each) / each["records"] for each in volumes) if volumes else 0.0


def _volume(run: Mapping[str, Any], topic: topics.Topic) -> Mapping[str, int]:
    found: Mapping[str, int] = run["written"].get(
        topic.name, {"records": 0, "key_bytes": 0, "value_bytes": 0}
    )
    return found


def _bytes(volume: Mapping[str, int]) -> int:
    return volume["key_bytes"] + volume["value_bytes"]
