"""The committed Avro schemas: one `.avsc` per record and version, each with a fixed id.

`schemas/ids.toml` assigns the ids and records a hash of each schema without its docs, so
that a committed schema never changes: a change is a new version with a new id.
"""

import hashlib
import json
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline import topics
from pipeline.errors import SesameError
from pipeline.resources import schemas_dir

IDS_FILE = "ids.toml"
_PARTNER_TOPIC = re.compile(r"partner\.[^.]+\.(scores|outcomes|enquiries)")
_PARTNER_RECORDS = {
    "scores": "PartnerScore",
    "outcomes": "PartnerOutcome",
    "enquiries": "PartnerEnquiry",
}


class CatalogError(SesameError):
    """The committed schemas contradict themselves."""


@dataclass(frozen=True, slots=True)
class CommittedSchema:
    """One version of one record's schema."""

    id: int
    record: str
    version: int
    avro: dict[str, Any]

    @property
    def text(self) -> str:
        """The schema as compact JSON, as registries keep it."""
        return json.dumps(self.avro, separators=(",", ":"))


def canonical_hash(avro: dict[str, Any]) -> str:
    """SHA-256 of a schema without its docs, keys sorted.

    Avro's own canonical form also leaves out defaults and logical types, which decide what
    a reader sees.
    """
    form = json.dumps(_without_docs(avro), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(form.encode()).hexdigest()


def _without_docs(node: object) -> object:
    if isinstance(node, list):
        return [_without_docs(item) for item in node]
    if isinstance(node, dict):
        return {key: _without_docs(item) for key, item in node.items() if key != "doc"}
    return node


def load(folder: Path) -> tuple[CommittedSchema, ...]:
    """Every committed schema in ``folder``, by id.

    Raises:
        CatalogError: Files and ids do not match, an id or version is given twice, or a
            committed schema was edited.
    """
    table = tomllib.loads((folder / IDS_FILE).read_text(encoding="utf-8"))
    listed = [_read(folder, entry) for entry in table["schema"]]
    _refuse_repeats("id", [str(s.id) for s in listed])
    names = [f"{s.record}.v{s.version}" for s in listed]
    _refuse_repeats("schema", names)
    unlisted = {path.stem for path in folder.glob("*.avsc")} - set(names)
    if unlisted:
        raise CatalogError(f"no id in {IDS_FILE} for {', '.join(sorted(unlisted))}")
    return tuple(sorted(listed, key=lambda s: s.id))


def _read(folder: Path, entry: dict[str, Any]) -> CommittedSchema:
    path = folder / f"{entry['record']}.v{entry['version']}.avsc"
    if not path.is_file():
        raise CatalogError(f"{IDS_FILE} lists {path.name}, which is not there")
    avro: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if canonical_hash(avro) != entry["sha256"]:
        raise CatalogError(
            f"{path.name} is committed as id {entry['id']} and was edited: its hash is now "
            f"{canonical_hash(avro)}; restore it and add the change as a new version"
        )
    return CommittedSchema(entry["id"], entry["record"], entry["version"], avro)


def _refuse_repeats(what: str, names: list[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise CatalogError(f"{what} {', '.join(repeated)} is listed twice in {IDS_FILE}")


@cache
def committed() -> tuple[CommittedSchema, ...]:
    """The schemas that come with the package, by id."""
    return load(schemas_dir())


def versions_of(
    record: str, schemas: tuple[CommittedSchema, ...] | None = None
) -> list[CommittedSchema]:
    """All versions of a record, oldest first.

    Raises:
        KeyError: There is no such record.
    """
    pool = committed() if schemas is None else schemas
    found = sorted((s for s in pool if s.record == record), key=lambda s: s.version)
    if not found:
        raise KeyError(f"no record {record} among {sorted({s.record for s in pool})}")
    return found


@cache
def current(record: str) -> CommittedSchema:
    """The newest committed version of a record: what the pipeline reads and writes.

    Raises:
        KeyError: There is no such record.
    """
    return versions_of(record)[-1]


def record_of(subject: str) -> str | None:
    """The record whose values go under a subject; None for a subject not of ours."""
    topic = subject.removesuffix("-value")
    if topic == subject:
        return None
    partner = _PARTNER_TOPIC.fullmatch(topic)
    if partner:
        return _PARTNER_RECORDS[partner.group(1)]
    return next((t.record for t in topics.ALL if t.name == topic), None)
