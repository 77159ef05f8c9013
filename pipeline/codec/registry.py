"""Where schema ids come from: the interface, and the registry built into the package."""

import json
from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

from pipeline.codec import catalog
from pipeline.errors import SesameError


class RegistryError(SesameError):
    """The registry cannot answer, refuses, or lacks what the pipeline writes with."""


class UnknownSchemaError(LookupError):
    """The registry answers that it has no such id."""


class SchemaRegistry(Protocol):
    """What encoding and decoding ask of a schema registry."""

    def schema(self, schema_id: int) -> str:
        """The Avro schema with that id, as JSON text.

        Raises:
            UnknownSchemaError: The registry has no such id.
            RegistryError: The registry cannot answer; the record is not to blame.
        """

    def id_of(self, subject: str) -> int:
        """The id to write a subject's values with: that of the newest committed version.

        Raises:
            RegistryError: The subject is none of the pipeline's or not registered, or the
                registry cannot answer.
        """


@runtime_checkable
class RemoteRegistry(SchemaRegistry, Protocol):
    """A registry that has to be asked."""

    def is_known(self, schema_id: int) -> bool:
        """Whether `schema` answers for this id without asking."""

    def look_up(self, schema_ids: Iterable[int]) -> None:
        """Ask for ids that are not known.

        Raises:
            RegistryError: The registry cannot answer.
        """


class FileRegistry:
    """The committed schemas under their committed ids, so that nothing else has to run.

    >>> FileRegistry().id_of("consents-value")
    1
    """

    def __init__(self, schemas: Iterable[catalog.CommittedSchema] | None = None) -> None:
        """Serve the schemas given, or those that come with the package."""
        pool = tuple(catalog.committed() if schemas is None else schemas)
        self._by_id = {schema.id: schema.text for schema in pool}
        self._pool = pool

    def schema(self, schema_id: int) -> str:
        """See `SchemaRegistry.schema`."""
        try:
            return self._by_id[schema_id]
        except KeyError:
            raise UnknownSchemaError(f"no schema has id {schema_id}") from None

    def id_of(self, subject: str) -> int:
        """See `SchemaRegistry.id_of`."""
        return catalog.versions_of(record_for(subject), self._pool)[-1].id


def record_for(subject: str) -> str:
    """The record whose values go under a subject.

    Raises:
        RegistryError: The subject is none of the pipeline's.
    """
    record = catalog.record_of(subject)
    if record is None:
        raise RegistryError(f"{subject} is no subject of the pipeline")
    return record


def parse(text: str) -> dict[str, Any]:
    """The schema a registry keeps as text.

    Raises:
        RegistryError: The text is no Avro record.
    """
    try:
        avro = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise RegistryError(f"the registry's schema is no JSON: {error}") from error
    if not isinstance(avro, dict) or avro.get("type") != "record":
        raise RegistryError("the registry's schema is no record")
    return avro
