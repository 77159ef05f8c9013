"""A broker that asks who is there: encrypted listeners, logins, access rules in force.

Three listeners for clients, so that one broker does for every way of connecting: SASL (PLAIN
or SCRAM-SHA-512 over TLS), TLS (nobody is asked for a name) and MUTUAL (the name is the
client certificate's). The broker speaks to itself by mutual TLS.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.dev.broker import config

SASL = "SASL"
TLS = "TLS"
MUTUAL = "MUTUAL"
CONTROLLER = "CONTROLLER"
LISTENERS = (SASL, TLS, MUTUAL, CONTROLLER)

_PROTOCOLS = {SASL: "SASL_SSL", TLS: "SSL", MUTUAL: "SSL", CONTROLLER: "SSL"}
_LOGINS = "org.apache.kafka.common.security"
_AUTHORIZER = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"


@dataclass(frozen=True, slots=True)
class Security:
    """Who the broker is, who may log in, and who stands above the access rules.

    Args:
        ca: PEM file of the CA that signed the broker's and the clients' certificates.
        certificate: PEM file of the broker's certificate, for 127.0.0.1 and for clients too.
        key: PEM file of its key (PKCS 8, without a password).
        name: The certificate's subject, as in ``CN=broker``.
        users: Passwords by user, of letters and digits; known at a data directory's first start.
        admins: Those of the users whom no access rule binds.
    """

    ca: Path
    certificate: Path
    key: Path
    name: str
    users: Mapping[str, str] = field(repr=False)
    admins: frozenset[str]

    def settings(self, ports: Mapping[str, int], data: Path) -> dict[str, str]:
        """Properties that go over the plain broker's.

        Args:
            ports: By listener.
            data: The folder to keep the key store in.
        """
        clients = {name: port for name, port in ports.items() if name != CONTROLLER}
        settings = {
            "listeners": _addresses(ports),
            "advertised.listeners": _addresses(clients),
            "controller.quorum.voters": f"1@{config.HOST}:{ports[CONTROLLER]}",
            "listener.security.protocol.map": ",".join(f"{k}:{v}" for k, v in _PROTOCOLS.items()),
            "inter.broker.listener.name": MUTUAL,
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self._key_store(data)),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.ca.absolute()),
            "authorizer.class.name": _AUTHORIZER,
            "allow.everyone.if.no.acl.found": "false",
            "super.users": ";".join(f"User:{name}" for name in (self.name, *sorted(self.admins))),
        }
        for name in (MUTUAL, CONTROLLER):
            settings[f"listener.name.{name.lower()}.ssl.client.auth"] = "required"
        return settings | self._logins()

    def format_options(self) -> list[str]:
        """What formatting a data directory is told beside the settings."""
        return [
            word
            for name, password in self.users.items()
            for word in ("--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]")
        ]

    def client(self) -> dict[str, str]:
        """Properties of a confluent-kafka client at the listener TLS."""
        return {"security.protocol": "SSL", "ssl.ca.location": str(self.ca)}

    def _key_store(self, data: Path) -> Path:
        store = data / "broker.pem"
        store.touch(mode=0o600)
        store.write_bytes(self.key.read_bytes() + self.certificate.read_bytes())
        return store.absolute()

    def _logins(self) -> dict[str, str]:
        listener = f"listener.name.{SASL.lower()}"
        users = " ".join(f'user_{name}="{password}"' for name, password in self.users.items())
        return {
            f"{listener}.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            f"{listener}.plain.sasl.jaas.config": (
                f"{_LOGINS}.plain.PlainLoginModule required {users};"
            ),
            f"{listener}.scram-sha-512.sasl.jaas.config": (
                f"{_LOGINS}.scram.ScramLoginModule required;"
            ),
        }


def _addresses(ports: Mapping[str, int]) -> str:
    return ",".join(f"{name}://{config.HOST}:{port}" for name, port in ports.items())
