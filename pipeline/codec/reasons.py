"""Why a record goes to the dead letters: the closed list of the contract."""

from enum import StrEnum


class Reason(StrEnum):
    """What was wrong with a record, in the order the checks are made."""

    WIRE_FORMAT = "WIRE_FORMAT"
    """No value, or not magic byte 0 and a four-byte schema id."""
    UNKNOWN_SCHEMA = "UNKNOWN_SCHEMA"
    """The registry does not know the schema id."""
    DECODE = "DECODE"
    """The body is not one whole record of that schema, or not of the topic's record."""
    INVALID = "INVALID"
    """A field breaks a rule of the contract."""
    KEY_MISMATCH = "KEY_MISMATCH"
    """The record's key is not its user id."""
    TOO_LATE = "TOO_LATE"
    """Further behind the person's newest event than the allowed lateness."""
    FUTURE = "FUTURE"
    """Too far ahead of the record's Kafka timestamp."""
