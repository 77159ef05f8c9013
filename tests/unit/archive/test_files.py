from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import topics
from pipeline.archive.archive import Archive, locked_archive, open_archive
from pipeline.archive.files import ArchivedRecord, FileWriter, files_in, read_file
from pipeline.errors import RefusedError
from pipeline.settings import Settings
from pipeline.streaming.records import Record, UnreadableRecord

SETTINGS = Settings(topic_prefix="blue.", partitions=2)
BYTES = st.none() | st.binary(max_size=20)
RECORDS = st.lists(
    st.builds(
        ArchivedRecord,
        offset=st.integers(0, 2**40),
        timestamp=st.integers(-1, 2**45),
        key=BYTES,
        value=BYTES,
        headers=st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=5)), max_size=3).map(
            tuple
        ),
    )
    | st.builds(
        UnreadableRecord,
        offset=st.integers(0, 2**40),
        timestamp=st.integers(0, 2**45),
        problem=st.text(max_size=9),
    ),
    unique_by=lambda record: record.offset,
).map(lambda records: sorted(records, key=lambda record: record.offset))


def written(folder: Path, records: list[Record], span: range) -> Path:
    writer = FileWriter(folder, span.start)
    for record in records:
        writer.add([record])
    return writer.finish(span.stop)


@given(RECORDS)
def test_records_come_back_from_a_file_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, records: list[Record]
) -> None:
    path = written(tmp_path_factory.mktemp("a"), records, range(2**41))
    assert [record for batch in read_file(path, 0) for record in batch] == records
    middle = records[len(records) // 2].offset if records else 0
    later = [record for batch in read_file(path, middle) for record in batch]
    assert later == [record for record in records if record.offset >= middle]


def test_a_file_that_is_not_finished_is_not_there(tmp_path: Path) -> None:
    writer = FileWriter(tmp_path, 5)
    writer.add([ArchivedRecord(5, 0, b"k", b"v", ())])
    assert files_in(tmp_path) == {}
    path = writer.finish(9)
    assert files_in(tmp_path) == {range(5, 9): path}
    assert pq.read_table(path).num_rows == 1


def test_an_archive_reads_across_its_files_from_any_offset_to_any(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    folder = archive.folder(topics.PAYMENTS, 1)
    every: list[Record] = [ArchivedRecord(offset, 0, None, None, ()) for offset in range(30)]
    for start in (20, 0, 10):
        written(folder, every[start : start + 10], range(start, start + 10))
    assert archive.spans(topics.PAYMENTS, 1) == [range(10), range(10, 20), range(20, 30)]
    assert archive.end(topics.PAYMENTS, 1) == 30
    assert archive.end(topics.PAYMENTS, 0) == 0
    for start, end in ((0, 30), (7, 23), (10, 20), (29, 30), (12, 12)):
        batches = list(archive.read(topics.PAYMENTS, 1, start, end))
        assert [r.offset for batch in batches for r in batch] == list(range(start, end))


def test_an_archive_is_refused_to_another_pipeline(tmp_path: Path) -> None:
    with locked_archive(tmp_path / "a", SETTINGS) as archive:
        assert open_archive(archive.root, SETTINGS) == archive
        with (
            pytest.raises(RefusedError, match="another program is writing"),
            locked_archive(archive.root, SETTINGS),
        ):
            raise AssertionError
    for other in (Settings(topic_prefix="green.", partitions=2), Settings(topic_prefix="blue.")):
        with pytest.raises(RefusedError, match="and here it is"):
            open_archive(tmp_path / "a", other)


def test_topics_that_were_made_anew_are_none_of_the_archives(tmp_path: Path) -> None:
    ids = {"payments": "one", "consents": "two"}
    with locked_archive(tmp_path, SETTINGS) as archive:
        archive.check_topics(ids)
        archive.note_topics({"payments": "one"})
        archive.note_topics(ids)
    with locked_archive(tmp_path, SETTINGS) as archive:
        archive.check_topics(ids)
        for refuse in (archive.check_topics, archive.note_topics):
            with pytest.raises(RefusedError, match=r"consents was deleted.*begins another"):
                refuse({"payments": "one", "consents": "three"})
        archive.check_topics(ids)


def test_a_folder_of_something_else_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="is no archive"):
        open_archive(tmp_path, SETTINGS)
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(RefusedError, match=r"photo\.jpg"), locked_archive(tmp_path, SETTINGS):
        raise AssertionError


def test_what_a_killed_run_left_is_cleared_away_by_the_next(tmp_path: Path) -> None:
    with locked_archive(tmp_path, SETTINGS) as archive:
        FileWriter(archive.folder(topics.PAYMENTS, 0), 0).add([ArchivedRecord(0, 0, b"", b"", ())])
    assert list(tmp_path.rglob("*.partial"))
    with locked_archive(tmp_path, SETTINGS):
        assert not list(tmp_path.rglob("*.partial"))
