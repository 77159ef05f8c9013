"""Settings of what is shared with partners: the gateway and the partners' own services."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic.config import JsonDict
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.settings.fields import FILE, PORT_MAX, PREFIX

_DATABASE: JsonDict = {
    "allowed": "sqlite:///file.db or postgresql+psycopg://user@host/name; none is a file in the "
    "data folder"
}


class PartnerSettings(BaseSettings):
    """The part of the settings that the gateway and the partners read."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid"
    )

    partners_file: Path | None = Field(
        None,
        description="Partner registry; none takes the one that comes with the package.",
        json_schema_extra=FILE,
    )
    gateway_app_id: str = Field(
        "gateway",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="Consumer group of the gateway, and the start of its transactional ids.",
        json_schema_extra={"allowed": "1-64 letters, digits, dots, dashes, underscores"},
    )
    gateway_port: int = Field(6067, ge=1, le=PORT_MAX, description="Port of the gateway's web.")
    pseudonym_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="Key the partners' pseudonyms are made with.",
        json_schema_extra={"allowed": "at least 32 characters"},
    )
    pseudonym_key_file: Path | None = Field(
        None,
        description="File of pseudonym keys, one a line: the first is current, others are former "
        "ones.",
        json_schema_extra=FILE,
    )
    threshold_hold_days: float = Field(
        30.0,
        ge=0,
        le=366,
        description="Days a person's answer is held against the same threshold before another "
        "counts.",
    )
    enquiries_per_day_max: int = Field(
        24,
        ge=1,
        le=1_000_000,
        description="Enquiries of a partner about one person in a day before the answer freezes.",
    )
    rental_port: int = Field(6081, ge=1, le=PORT_MAX, description="Port of the car rental.")
    rental_database: SecretStr | None = Field(
        None, description="Database of the car rental.", json_schema_extra=_DATABASE
    )
    loan_port: int = Field(6082, ge=1, le=PORT_MAX, description="Port of the microloans.")
    loan_database: SecretStr | None = Field(
        None, description="Database of the microloans.", json_schema_extra=_DATABASE
    )
    contest_days: float = Field(
        14.0,
        ge=0,
        le=366,
        description="Days a person has to contest a damage before it is reported.",
    )
    principal: str = Field(
        "sesame-{role}",
        pattern=r"^[^{}]*\{role\}[^{}]*$",
        description="Kafka user of each role in the access rules; {role} is person, producer, "
        "pipeline, gateway, operator or partner-<id>.",
        json_schema_extra={"allowed": "text with {role} once"},
    )
