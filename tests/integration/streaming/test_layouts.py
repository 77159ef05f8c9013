"""State that an earlier program left is taken over, and brought into the layouts of today."""

import numpy as np

from pipeline import topics
from pipeline.factors.former import FACTOR_ROW_1
from pipeline.factors.layout import FACTOR_ROW, FACTOR_ROW_LAYOUT
from pipeline.scoring.model import Model
from pipeline.streaming import changelog
from tests.integration.support.load import simulated
from tests.integration.support.replay import judged
from tests.integration.support.stream import Input, Stream


def in_layout_1(value: bytes) -> bytes:
    """A factor row as the first layout had it."""
    row, before = np.frombuffer(value, FACTOR_ROW)[0], np.zeros((), FACTOR_ROW_1)
    for name in FACTOR_ROW_1.names or ():
        if name != "published":
            before[name] = row[name]
    for name in FACTOR_ROW_1["published"].names or ():
        before["published"][name] = row["published"][name]
    before["layout"] = 1
    return before.tobytes()


def without_explanation(state: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """State as the first layout could tell it."""
    told = dict(state)
    for key, value in state.items():
        if key.startswith(changelog.ROW):
            row = np.frombuffer(value, FACTOR_ROW).copy()
            row["published"]["explanation"] = 0
            told[key] = row.tobytes()
    return told


def test_a_worker_takes_over_rows_of_the_first_layout_and_writes_them_in_todays(
    stream: Stream, model: Model
) -> None:
    opening, rest = simulated(people=60, events=4_000)
    stream.worker()
    stream.send([*opening, *rest[:2_000]])
    stream.until_applied()
    assert stream.workers[-1].terminate() == 0
    state = stream.state()
    rows = {key: value for key, value in state.items() if key.startswith(changelog.ROW)}
    stream.write(
        Input(topics.CHANGELOG, key, in_layout_1(value), partition=stream.partition_of(user(key)))
        for key, value in rows.items()
    )
    assert {len(stream.state()[key]) for key in rows} == {FACTOR_ROW_1.itemsize}

    worker = stream.worker()
    stream.until(lambda: {stream.state()[key][0] for key in rows} == {FACTOR_ROW_LAYOUT})

    assert stream.state() == without_explanation(state)
    stream.send(rest[2_000:])
    stream.until_applied()
    verdict = judged(stream, model)
    counts = verdict.lost, verdict.doubled, verdict.gaps, verdict.rows_differing
    assert counts == (0, 0, 0, 0), verdict.findings
    # What explanation was published is not known any more: such scores are told once more.
    assert worker.is_running


def user(key: bytes) -> str:
    return key[1:].decode()
