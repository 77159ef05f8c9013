"""Every setting of the pipeline: a ``SESAME_*`` variable with its default and its bounds.

A wrong value is refused at start with its variable and what is allowed; secrets are never shown.
"""

import os
from pathlib import Path
from typing import Literal, Self

from platformdirs import user_cache_path, user_data_path
from pydantic import Field, HttpUrl, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from pipeline import failpoints as points
from pipeline.settings.fields import FILE, FOLDER, PORT_MAX, SECRET, refusal, variable
from pipeline.settings.partners import PartnerSettings
from pipeline.settings.standby import StandbySettings

_ADDRESS = r"[A-Za-z0-9._-]+:[0-9]{1,5}"


class Settings(StandbySettings, PartnerSettings):
    """The pipeline's settings; use ``load`` to have a refusal told in full."""

    bootstrap: str = Field(
        "127.0.0.1:9092",
        pattern=rf"^{_ADDRESS}(,{_ADDRESS})*$",
        description="Kafka brokers to start from.",
        json_schema_extra={"allowed": "host:port, several separated by commas"},
    )
    partitions: int = Field(8, ge=1, le=1024, description="Partitions of every topic.")
    replication_factor: int = Field(1, ge=1, le=9, description="Copies of every topic.")
    topic_prefix: str = Field(
        "",
        max_length=64,
        pattern=r"^[A-Za-z0-9._-]*$",
        description="Put before every topic's name.",
        json_schema_extra={"allowed": "up to 64 letters, digits, dots, dashes, underscores"},
    )
    app_id: str = Field(
        "sesame",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="Consumer group, and the start of every transactional id.",
        json_schema_extra={"allowed": "1-64 letters, digits, dots, dashes, underscores"},
    )

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to speak to the brokers."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="SASL mechanism, with a SASL protocol."
    )
    sasl_username: str | None = Field(
        None, min_length=1, description="SASL user.", json_schema_extra=SECRET
    )
    sasl_password: SecretStr | None = Field(
        None, min_length=1, description="SASL password.", json_schema_extra=SECRET
    )
    tls_ca: Path | None = Field(
        None,
        description="CA certificates in PEM; none takes the system's.",
        json_schema_extra=FILE,
    )
    tls_cert: Path | None = Field(
        None, description="Client certificate in PEM.", json_schema_extra=FILE
    )
    tls_key: Path | None = Field(
        None, description="Client certificate's key in PEM.", json_schema_extra=FILE
    )
    tls_key_password: SecretStr | None = Field(
        None, min_length=1, description="Password of the key.", json_schema_extra=SECRET
    )
    tls_check_hostname: bool = Field(
        default=True, description="Whether a broker's certificate must bear its host's name."
    )

    registry_url: HttpUrl | None = Field(
        None,
        description="Confluent-compatible schema registry; none takes the built-in file registry.",
        json_schema_extra={"allowed": "an http or https address without user and password"},
    )
    registry_username: str | None = Field(
        None, min_length=1, description="Schema registry user.", json_schema_extra=SECRET
    )
    registry_password: SecretStr | None = Field(
        None, min_length=1, description="Schema registry password.", json_schema_extra=SECRET
    )
    registry_ca: Path | None = Field(
        None,
        description="CA certificates of the schema registry in PEM; none takes the system's.",
        json_schema_extra=FILE,
    )

    model: str = Field(
        "default@1",
        pattern=r"^[a-z][a-z0-9-]*@[1-9][0-9]*$",
        description="Model to score with.",
        json_schema_extra={"allowed": "id@version, such as default@1"},
    )
    lateness_days: int = Field(
        31, ge=0, le=366, description="Days an event may be behind the person's newest."
    )
    batch_records_max: int = Field(
        8_000, ge=1, le=100_000, description="Records of one partition handed over at once."
    )
    lane_records_max: int = Field(
        32_000, ge=1, le=1_000_000, description="Records one partition folds in one transaction."
    )
    lane_waiting_max: int = Field(
        64_000,
        ge=1,
        le=10_000_000,
        description="Records waiting for one partition before its fetching pauses.",
    )
    batch_bytes_max: int = Field(
        4 << 20,
        ge=1 << 10,
        le=64 << 20,
        description="Bytes of one partition handed over at once.",
    )
    lane_bytes_max: int = Field(
        16 << 20,
        ge=1 << 10,
        le=1 << 30,
        description="Bytes one partition folds in one transaction.",
    )
    lane_waiting_bytes_max: int = Field(
        32 << 20,
        ge=1 << 10,
        le=4 << 30,
        description="Bytes waiting for one partition before its fetching pauses.",
    )
    waiting_bytes_max: int = Field(
        128 << 20,
        ge=1 << 10,
        le=64 << 30,
        description="Bytes waiting for all partitions of a worker before each gets its share only.",
    )
    unpacked_bytes_max: int = Field(
        16 << 20,
        ge=1 << 20,
        le=1 << 30,
        description="Bytes a compressed batch may unpack to; a larger one is not read.",
    )
    session_timeout_s: float = Field(
        10.0,
        ge=1,
        le=300,
        description="Seconds of silence before the group drops a worker; brokers refuse less than "
        "their group.min.session.timeout.ms, 6 s by default.",
    )
    rebalance_timeout_s: float = Field(
        60.0, ge=6, le=900, description="Seconds a worker may take to join a rebalance."
    )
    transaction_timeout_s: float = Field(
        30.0, ge=1, le=900, description="Seconds after which the broker aborts a transaction."
    )
    request_timeout_s: float = Field(
        30.0, ge=1, le=300, description="Seconds to wait for a broker's answer."
    )
    watchdog_s: float = Field(
        60.0,
        ge=5,
        le=3_600,
        description="Seconds without a commit, while records wait, before a worker ends itself.",
    )

    web_bind: str = Field(
        "127.0.0.1",
        pattern=r"^[A-Za-z0-9.:_-]+$",
        description="Address the worker's web server listens on.",
        json_schema_extra={"allowed": "a host name or an IP address"},
    )
    web_port: int = Field(6066, ge=1, le=PORT_MAX, description="Port of the worker's web server.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severe level that is logged."
    )
    log_format: Literal["console", "json"] = Field("console", description="Form of log lines.")
    cache_dir: Path = Field(
        default_factory=lambda: user_cache_path("sesame"),
        description="Folder for what is downloaded or built once.",
        json_schema_extra=FOLDER,
    )
    data_dir: Path = Field(
        default_factory=lambda: user_data_path("sesame"),
        description="Folder for partners' views, orders and loans, and a development key.",
        json_schema_extra=FOLDER,
    )
    chaos: bool = Field(
        default=False, description="Whether this process may be told to fail; for tests only."
    )
    failpoints: str = Field(
        "",
        description="Where to be killed or stopped, with SESAME_CHAOS=1.",
        json_schema_extra={"allowed": "point[:nth[:kill or stop]], several separated by commas"},
    )

    @field_validator("bootstrap")
    @classmethod
    def _ports_exist(cls, value: str) -> str:
        ports = [int(broker.rpartition(":")[2]) for broker in value.split(",")]
        if not all(1 <= port <= PORT_MAX for port in ports):
            raise PydanticCustomError("port", "a port is out of range")
        return value

    @field_validator("registry_url")
    @classmethod
    def _names_no_password(cls, value: HttpUrl | None) -> HttpUrl | None:
        if value is not None and (value.username or value.password):
            raise PydanticCustomError("secret", "the address bears a password")
        return value

    @field_validator(
        "tls_ca", "tls_cert", "tls_key", "registry_ca", "partners_file", "pseudonym_key_file"
    )
    @classmethod
    def _is_readable_file(cls, value: Path | None) -> Path | None:
        if value is not None and not (value.is_file() and os.access(value, os.R_OK)):
            raise PydanticCustomError("file", "not a readable file")
        return value

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.uses_sasl:
            _require(self, "sasl_username", "sasl_password", because=self.security_protocol)
        if self.tls_cert is not None:
            _require(self, "tls_key", because=variable("tls_cert"))
        if self.registry_username is not None:
            _require(self, "registry_password", because=variable("registry_username"))
        if self.pseudonym_key is not None and self.pseudonym_key_file is not None:
            other = f"not set while {variable('pseudonym_key')} is"
            raise refusal("pseudonym_key_file", str(self.pseudonym_key_file), other)
        if self.gateway_app_id == self.app_id:
            # One group and one set of transactional ids: each would shut the other out.
            other = f"another than {variable('app_id')}"
            raise refusal("gateway_app_id", repr(self.gateway_app_id), other)
        if self.lane_waiting_max < self.lane_records_max:
            least = f"at least {variable('lane_records_max')}, {self.lane_records_max}"
            raise refusal("lane_waiting_max", str(self.lane_waiting_max), least)
        if self.watchdog_s <= self.transaction_timeout_s:
            # It would end a worker for a transaction that may yet be committed.
            least = f"more than {variable('transaction_timeout_s')}, {self.transaction_timeout_s:g}"
            raise refusal("watchdog_s", f"{self.watchdog_s:g}", least)
        if self.failpoints:
            self._may_fail()
        return self

    def _may_fail(self) -> None:
        if not self.chaos:
            because = f"not set without {variable('chaos')}=1"
            raise refusal("failpoints", repr(self.failpoints), because)
        try:
            points.parse(self.failpoints)
        except points.UnreadableOrderError as error:
            must_be = f"{allowed('failpoints')}: {error}"
            raise refusal("failpoints", repr(self.failpoints), must_be) from error

    @property
    def brokers(self) -> list[str]:
        """The bootstrap brokers, each ``host:port``."""
        return self.bootstrap.split(",")

    def topic(self, name: str) -> str:
        """A topic's name on the broker: the prefix, then its name in the contract."""
        return self.topic_prefix + name

    @property
    def uses_sasl(self) -> bool:
        """Whether clients log in."""
        return self.security_protocol.startswith("SASL_")

    @property
    def uses_tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.security_protocol.endswith("SSL")


def allowed(name: str) -> str:
    """What a setting may be, in words."""
    schema = Settings.model_json_schema()["properties"][name]
    if "allowed" in schema:
        return str(schema["allowed"])
    if "enum" in schema:
        return "one of " + ", ".join(schema["enum"])
    if schema["type"] == "boolean":
        return "true or false"
    kind = "a whole number" if schema["type"] == "integer" else "a number"
    return f"{kind} from {schema['minimum']} to {schema['maximum']}"


def _require(settings: Settings, *names: str, because: str) -> None:
    for name in names:
        if getattr(settings, name) is None:
            raise refusal(name, "not set", f"{allowed(name)}: {because} needs it")
