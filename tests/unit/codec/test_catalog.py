"""Committed schemas: fixed ids, never edited."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline import topics
from pipeline.codec import catalog
from pipeline.codec.catalog import CatalogError
from pipeline.resources import schemas_dir


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copied = tmp_path / "schemas"
    shutil.copytree(schemas_dir(), copied)
    return copied


def edit(folder: Path, name: str, **changes: Any) -> None:
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_ids_never_change() -> None:
    assert {schema.record: schema.id for schema in catalog.committed() if schema.version == 1} == {
        "Consent": 1,
        "Payment": 2,
        "Consumption": 3,
        "Obligation": 4,
        "Profile": 5,
        "Relationship": 6,
        "PeerSignal": 7,
        "Score": 8,
        "PartnerScore": 9,
        "PartnerOutcome": 10,
        "PartnerEnquiry": 11,
        "Disclosed": 12,
    }


def test_every_topic_with_a_record_has_a_schema() -> None:
    known = (*topics.ALL, *topics.for_partners(["hire"]))
    for topic in known:
        assert catalog.record_of(topic.subject) == topic.record
        if topic.record is not None:
            assert catalog.current(topic.record).record == topic.record


def test_subjects_of_others_have_no_record() -> None:
    assert catalog.record_of("payments") is None
    assert catalog.record_of("orders-value") is None
    assert catalog.record_of("partner.a.b.scores-value") is None


def test_an_edit_of_a_committed_schema_is_refused(folder: Path) -> None:
    fields = catalog.current("Profile").avro["fields"][:-1]
    edit(folder, "Profile.v1.avsc", fields=fields)
    with pytest.raises(CatalogError, match=r"Profile\.v1\.avsc is committed as id 5 and was edit"):
        catalog.load(folder)


def test_a_changed_default_is_an_edit(folder: Path) -> None:
    fields = json.loads((folder / "PartnerScore.v1.avsc").read_text())["fields"]
    del fields[5]["default"]
    edit(folder, "PartnerScore.v1.avsc", fields=fields)
    with pytest.raises(CatalogError, match="was edited"):
        catalog.load(folder)


def test_better_words_are_no_edit(folder: Path) -> None:
    edit(folder, "Profile.v1.avsc", doc="Said better.")
    assert len(catalog.load(folder)) == len(catalog.committed())


def test_a_schema_without_an_id_is_refused(folder: Path) -> None:
    shutil.copy(folder / "Profile.v1.avsc", folder / "Profile.v2.avsc")
    with pytest.raises(CatalogError, match=r"no id in ids\.toml for Profile\.v2"):
        catalog.load(folder)


def test_a_missing_schema_is_refused(folder: Path) -> None:
    (folder / "Profile.v1.avsc").unlink()
    with pytest.raises(CatalogError, match=r"lists Profile\.v1\.avsc, which is not there"):
        catalog.load(folder)


def test_an_id_given_twice_is_refused(folder: Path) -> None:
    ids = folder / "ids.toml"
    ids.write_text(ids.read_text().replace("id = 5\n", "id = 6\n"))
    with pytest.raises(CatalogError, match=r"id 6 is listed twice"):
        catalog.load(folder)
