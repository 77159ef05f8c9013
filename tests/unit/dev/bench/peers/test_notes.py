import json
import threading
import time
from pathlib import Path

import pytest

from pipeline import topics
from pipeline.dev.bench.peers.notes import NOTES, Noted, Notes, kept_notes, read_notes


def test_only_data_events_are_timed_and_peer_signals_are_not_counted() -> None:
    notes = Notes()
    notes.note(topics.CONSENTS.name)
    notes.note(topics.PEER_SIGNALS.name)
    assert notes.now() == Noted(consents=1)
    began = time.time()
    notes.note(topics.PAYMENTS.name)
    notes.note(topics.PROFILES.name)
    noted = notes.now()
    assert (noted.consents, noted.events) == (1, 2)
    assert began <= noted.last_at <= time.time()


def test_workers_of_one_process_lose_no_count() -> None:
    notes = Notes()

    def work() -> None:
        for _ in range(5_000):
            notes.note(topics.PAYMENTS.name)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert notes.now().events == 20_000


def test_notes_are_kept_while_the_peer_runs_and_whole_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "notes.json"
    monkeypatch.setenv(NOTES, str(path))
    assert read_notes(path) == Noted()
    with kept_notes() as notes:
        notes.note(topics.CONSENTS.name)
        while not path.exists():
            time.sleep(0.01)
        assert read_notes(path) == Noted(consents=1)
        notes.note(topics.PAYMENTS.name)
    assert read_notes(path) == notes.now()
    assert json.loads(path.read_text())["events"] == 1


def test_without_a_file_notes_are_only_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NOTES, raising=False)
    with kept_notes() as notes:
        notes.note(topics.PAYMENTS.name)
    assert notes.now().events == 1
