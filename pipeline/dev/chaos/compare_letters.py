"""The dead letters held against the records that are refused."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from pipeline import topics
from pipeline.dev.chaos.evidence import Evidence
from pipeline.dev.chaos.records import Place, Record
from pipeline.dev.chaos.verdict import Verdict

_INPUTS = {topic.name for topic in topics.INPUTS}


def compare_letters(evidence: Evidence, wanted: Mapping[Place, str], verdict: Verdict) -> None:
    """Every refused record once, with its reason and its own bytes."""
    sources = {
        (name, partition, record.offset): record
        for (name, partition), records in evidence.inputs.items()
        for record in records
    }
    counted: Counter[Place] = Counter()
    for place, reason, letter in _letters(evidence, _INPUTS):
        verdict.letters += 1
        counted[place] += 1
        verdict.compare_record(_letter_differs(place, reason, letter, wanted, sources))
    for place in wanted.keys() - counted.keys():
        verdict.lose(f"{_at(place)} is refused ({wanted[place]}) and no dead letter tells")
    for place, times in counted.items():
        if times > 1:
            verdict.double(f"{_at(place)} has {times} dead letters", times - 1)


def _letters(evidence: Evidence, inputs: Collection[str]) -> Iterator[tuple[Place, str, Record]]:
    """The letters of the pipeline's inputs, by the place their headers name."""
    for letter in evidence.letters:
        headers = {name: value.decode() for name, value in letter.headers}
        name = headers["dlq.topic"].removeprefix(evidence.prefix)
        if name in inputs:
            place = name, int(headers["dlq.partition"]), int(headers["dlq.offset"])
            yield place, headers["dlq.reason"], letter


def _letter_differs(
    place: Place,
    reason: str,
    letter: Record,
    wanted: Mapping[Place, str],
    sources: Mapping[Place, Record],
) -> str | None:
    if wanted.get(place) != reason:
        return f"letter of {_at(place)} says {reason}, must be {wanted.get(place)}"
    source = sources[place]
    # Told without its bytes where they are too many.
    bare = letter.value is None and letter.key is None
    if not bare and (letter.key, letter.value) != (source.key, source.value):
        return f"letter of {_at(place)} has other bytes"
    return None


def _at(place: Place) -> str:
    return f"{place[0]}-{place[1]}@{place[2]}"
