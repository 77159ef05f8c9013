"""A Confluent-compatible schema registry over HTTP, each answer asked for once."""

import json
import ssl
import time
from base64 import b64encode
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

import httpx

from pipeline.codec import catalog
from pipeline.codec.registry import RegistryError, UnknownSchemaError, record_for
from pipeline.errors import RefusedError
from pipeline.settings import variable

MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
TIMEOUT_S = 5.0
CONNECT_RETRIES = 3
UNKNOWN_FOR_S = 30.0
"""How long an unknown id stays so: a producer may register its schema at any time."""
UNKNOWN_MAX = 100
"""Unknown ids asked for within that time; hostile values may name any. Others count as unknown
until one may be asked for again."""
LOOK_UP_S = 5.0
"""How long ids of one batch are asked for; those left count as unknown, as beyond `UNKNOWN_MAX`."""
TEXT_CHARACTERS_MAX = 1 << 20
"""Of a schema."""
_TOO_LONG = json.dumps({"error": f"a schema of more than {TEXT_CHARACTERS_MAX} characters"})
"""Stands for such a schema: it is the schema's fault, and no record's."""
_NOT_FOUND = {40401, 40402, 40403}
"""The registry's own codes for no such subject, version or schema, unlike a wrong address."""


@dataclass(slots=True)
class HttpRegistry:
    """Asks a registry at ``url``, with basic auth and a CA of its own where given.

    Args:
        url: The registry's address, such as ``https://registry:8081``.
        username: For basic auth, with ``password``.
        password: For basic auth.
        ca: CA certificates in PEM; the system's when None.
        transport: What carries the requests; the network when None.
    """

    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None
    transport: httpx.BaseTransport | None = field(default=None, repr=False)
    _client: httpx.Client = field(init=False, repr=False)
    _schemas: dict[int, str] = field(init=False, repr=False, default_factory=dict)
    _ids: dict[str, int] = field(init=False, repr=False, default_factory=dict)
    _unknown: dict[int, float] = field(init=False, repr=False, default_factory=dict)
    _resting_until: float = field(init=False, repr=False, default=0.0)

    def __post_init__(self) -> None:
        """Set the client up; nothing is asked yet."""
        headers = {"Accept": f"{MEDIA_TYPE}, application/json", "Content-Type": MEDIA_TYPE}
        if self.username is not None:
            credentials = f"{self.username}:{self.password or ''}".encode()
            headers["Authorization"] = f"Basic {b64encode(credentials).decode()}"
        self._client = httpx.Client(
            base_url=self.url.rstrip("/") + "/",
            headers=headers,
            timeout=TIMEOUT_S,
            transport=self.transport
            or httpx.HTTPTransport(verify=_tls(self.ca), retries=CONNECT_RETRIES),
        )

    def schema(self, schema_id: int) -> str:
        """See `SchemaRegistry.schema`."""
        known = self._schemas.get(schema_id)
        if known is not None:
            return known
        if self._unknown.get(schema_id, 0.0) > time.monotonic():
            raise UnknownSchemaError(f"no schema has id {schema_id}")
        if self._rests():
            raise UnknownSchemaError(
                f"schema {schema_id} was not asked for: too many unknown ones are named of late"
            )
        answer = self._ask("GET", f"schemas/ids/{schema_id}")
        if answer is None:
            self._unknown[schema_id] = time.monotonic() + UNKNOWN_FOR_S
            raise UnknownSchemaError(f"no schema has id {schema_id}")
        text = str(_member(answer, "schema", self.url))
        if len(text) > TEXT_CHARACTERS_MAX:
            text = _TOO_LONG
        self._schemas[schema_id] = text
        return text

    def is_known(self, schema_id: int) -> bool:
        """Whether `schema` has an answer without asking."""
        return (
            schema_id in self._schemas
            or self._unknown.get(schema_id, 0.0) > time.monotonic()
            or self._rests()
        )

    def look_up(self, schema_ids: Iterable[int]) -> None:
        """Ask for schemas, so that `schema` has an answer to each.

        Args:
            schema_ids: Those that matter most first: not all may be asked for.

        Raises:
            RegistryError: The registry cannot answer.
        """
        until = time.monotonic() + LOOK_UP_S
        for schema_id in schema_ids:
            if time.monotonic() > until:
                self._resting_until = time.monotonic() + UNKNOWN_FOR_S
                return
            with suppress(UnknownSchemaError):
                self.schema(schema_id)

    def warm_up(self, subjects: Iterable[str]) -> None:
        """Ask for the current schemas of subjects, as far as they are registered.

        So a worker that starts in a flood of unknown ids knows what matters. A registry that
        cannot answer now is asked again once a record needs it.
        """
        with suppress(RegistryError):
            for subject in subjects:
                schema = catalog.current(record_for(subject))
                answer = self._ask("POST", f"subjects/{subject}", {"schema": schema.text})
                if answer is not None:
                    self._ids[subject] = int(_member(answer, "id", self.url))
                    self.schema(self._ids[subject])

    def _rests(self) -> bool:
        """Whether no more is asked for now, as too much was in vain."""
        now = time.monotonic()
        if len(self._unknown) >= UNKNOWN_MAX:
            self._unknown = {one: until for one, until in self._unknown.items() if until > now}
        return len(self._unknown) >= UNKNOWN_MAX or now < self._resting_until

    def id_of(self, subject: str) -> int:
        """See `SchemaRegistry.id_of`."""
        if subject not in self._ids:
            schema = catalog.current(record_for(subject))
            answer = self._ask("POST", f"subjects/{subject}", {"schema": schema.text})
            if answer is None:
                raise RegistryError(
                    f"{self.url} does not have {schema.record} v{schema.version} under {subject}; "
                    "`sesame schemas register` registers it"
                )
            self._ids[subject] = int(_member(answer, "id", self.url))
        return self._ids[subject]

    def register(self, subject: str, schema: catalog.CommittedSchema) -> int:
        """Register a version under a subject, or find it there; its id.

        Raises:
            RegistryError: The registry refuses it, for instance as incompatible.
        """
        path = f"subjects/{subject}/versions"
        answer = self._ask("POST", path, {"schema": schema.text})
        if answer is None:
            raise RegistryError(f"{self.url} has no {path}: is it a schema registry's address?")
        return int(_member(answer, "id", self.url))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        """Close on leaving."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the connections."""
        self.close()

    def _ask(
        self, method: str, path: str, body: dict[str, str] | None = None
    ) -> dict[str, Any] | None:
        """The registry's answer; None when it says that there is no such thing."""
        try:
            response = self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            advice = _advice(error, self.ca)
            raise RegistryError(
                f"the schema registry at {self.url} fails: {error}{advice}"
            ) from error
        answer = _object(response)
        if response.is_success and answer is not None:
            return answer
        if response.is_success:
            raise RegistryError(f"{self.url} answers no JSON: is it a schema registry's address?")
        code, said = None, response.reason_phrase
        if answer is not None:
            code, said = answer.get("error_code"), answer.get("message", said)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            said += f"; {variable('registry_username')} is {self.username or 'not set'}"
        if response.status_code == HTTPStatus.NOT_FOUND and code in _NOT_FOUND:
            return None
        raise RegistryError(
            f"the schema registry at {self.url} answers {response.status_code} to "
            f"{method} {path}: {said}"
        )


def _tls(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca is None else str(ca))
    except ssl.SSLError as error:
        raise RefusedError(
            f"{variable('registry_ca')} is {ca}, must be a file of CA certificates in PEM"
        ) from error


def _advice(error: httpx.HTTPError, ca: Path | None) -> str:
    if "CERTIFICATE_VERIFY_FAILED" not in str(error):
        return ""
    if "mismatch" in str(error):
        return f"; {variable('registry_url')} names it otherwise than its certificate does"
    given = ca or "not set, so the system's are taken"
    return f"; {variable('registry_ca')} is {given}"


def _object(response: httpx.Response) -> dict[str, Any] | None:
    try:
        answer = response.json()
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _member(answer: dict[str, Any], name: str, url: str) -> Any:
    if name not in answer:
        raise RegistryError(f"{url} answers without {name}: is it a schema registry's address?")
    return answer[name]
