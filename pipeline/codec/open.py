"""The schema registry that the settings ask for."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Union

from pydantic import HttpUrl, SecretStr

from pipeline.codec.registry import FileRegistry

if TYPE_CHECKING:
    from pipeline.codec.http_registry import HttpRegistry


class RegistrySettings(Protocol):
    """The settings that concern the registry."""

    @property
    def registry_url(self) -> HttpUrl | None:
        """A Confluent-compatible registry's address; None for the built-in one."""

    @property
    def registry_username(self) -> str | None:
        """For basic auth."""

    @property
    def registry_password(self) -> SecretStr | None:
        """For basic auth."""

    @property
    def registry_ca(self) -> Path | None:
        """CA certificates in PEM; None for the system's."""


def open_warm(
    settings: RegistrySettings, subjects: Iterable[str]
) -> Union[FileRegistry, "HttpRegistry"]:
    """As `open_registry`, and the current schemas of these subjects are known."""
    registry = open_registry(settings)
    if not isinstance(registry, FileRegistry):
        registry.warm_up(subjects)
    return registry


def open_registry(settings: RegistrySettings) -> Union[FileRegistry, "HttpRegistry"]:
    """The built-in registry, or the one at ``registry_url``; nothing is asked yet."""
    if settings.registry_url is None:
        return FileRegistry()
    from pipeline.codec.http_registry import HttpRegistry  # noqa: PLC0415 - takes its time to load

    secret = settings.registry_password
    return HttpRegistry(
        str(settings.registry_url),
        settings.registry_username,
        None if secret is None else secret.get_secret_value(),
        settings.registry_ca,
    )
