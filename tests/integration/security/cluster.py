"""A Kafka that asks who is there, and everybody's way into it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline import settings
from pipeline.dev.broker import EmbeddedBroker, Security, secure
from pipeline.settings import Settings, variable
from tests.integration.security.certificates import Authority, Identity

Way = Literal["TLS", "SCRAM", "PLAIN", "MUTUAL"]
WAYS: tuple[Way, ...] = ("TLS", "SCRAM", "PLAIN", "MUTUAL")
PARTNERS = ("car-rental", "microloan")
ROLES = (
    *("person", "producer", "pipeline", "gateway", "operator"),
    *(f"partner-{name}" for name in PARTNERS),
)
ADMIN = "admin"
PARTITIONS = 2
KEY_PASSWORD = "a password of the key"  # noqa: S105 - of a key made for this run

_LISTENERS: dict[Way, str] = {
    "TLS": secure.TLS,
    "SCRAM": secure.SASL,
    "PLAIN": secure.SASL,
    "MUTUAL": secure.MUTUAL,
}


@dataclass(frozen=True, slots=True)
class Command:
    """How a ``sesame`` command ended."""

    status: int
    output: str
    errors: str

    @property
    def told(self) -> Any:
        return json.loads(self.output)


class SecuredKafka:
    """A broker with users and certificates for the administrator and every role."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder, "authority")
        self.strangers = Authority(folder, "strangers")
        self._certificates: dict[str, Identity] = {}
        users = [ADMIN, *(user(role) for role in ROLES)]
        self._passwords = {name: f"password{number}" for number, name in enumerate(users)}
        own = self.authority.issue("broker", "127.0.0.1")
        security = Security(
            ca=self.authority.path,
            certificate=own.certificate,
            key=own.key,
            name="CN=broker",
            users=self._passwords,
            admins=frozenset({ADMIN}),
        )
        self.broker = EmbeddedBroker(security=security)

    def certificate(self, name: str) -> Identity:
        """The client certificate of a user, whose key has a password."""
        if name not in self._certificates:
            self._certificates[name] = self.authority.issue(name, password=KEY_PASSWORD)
        return self._certificates[name]

    def variables(self, name: str, way: Way = "SCRAM", **changes: object) -> dict[str, str]:
        """The environment of a user's programs; ``changes`` by the settings' names."""
        values: dict[str, object] = {
            "bootstrap": self.broker.address(_LISTENERS[way]),
            "partitions": PARTITIONS,
            "tls_ca": self.authority.path,
            "security_protocol": "SASL_SSL" if way in {"SCRAM", "PLAIN"} else "SSL",
            "request_timeout_s": 30,
            "session_timeout_s": 6,
        }
        if way in {"SCRAM", "PLAIN"}:
            values["sasl_mechanism"] = "PLAIN" if way == "PLAIN" else "SCRAM-SHA-512"
            values |= {"sasl_username": name, "sasl_password": self._passwords[name]}
        elif way == "MUTUAL":
            certificate = self.certificate(name)
            values |= {"tls_cert": certificate.certificate, "tls_key": certificate.key}
            values["tls_key_password"] = KEY_PASSWORD
        return {variable(key): str(value) for key, value in (values | changes).items()}

    def settings(self, name: str, way: Way = "SCRAM", **changes: object) -> Settings:
        """The settings that a user's programs read from that environment."""
        values = self.variables(name, way, **changes)
        prefix = len(settings.PREFIX)
        return settings.load(**{key[prefix:].lower(): value for key, value in values.items()})

    def sesame(self, name: str, *arguments: str, way: Way = "SCRAM", **changes: object) -> Command:
        """Run a command as a user."""
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "pipeline.cli.main", *arguments],
            env=others_environment() | self.variables(name, way, **changes),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        return Command(done.returncode, done.stdout, done.stderr)


def user(role: str) -> str:
    """The Kafka user of a role, as the setting's default has it."""
    return f"sesame-{role}"


def others_environment() -> dict[str, str]:
    """This process's environment without settings of the project."""
    prefix = settings.PREFIX
    return {name: value for name, value in os.environ.items() if not name.startswith(prefix)}
