"""The gateway's closed lists as codes: positions in the Avro enums, and of purposes."""

from enum import IntEnum

from pipeline.partners.vocabulary import Disclosure, Purpose

PURPOSES = tuple(Purpose)
PURPOSE_CODES = {str(purpose): code for code, purpose in enumerate(PURPOSES)}
DISCLOSURES = tuple(Disclosure)
NONE = 255
"""Stands for null in columns of codes."""


class ScoreStatus(IntEnum):
    """What the latest score of a person is; one more than its position in the Score record."""

    ABSENT = 0
    THIN_FILE = 1
    SCORED = 2


class Admitted(IntEnum):
    """Whether a score reaches the threshold; NOT_AVAILABLE is never written."""

    YES = 0
    NO = 1


class Kind(IntEnum):
    """What a disclosure record tells."""

    SHOWN = 0
    ENDED = 1
    ASKED = 2
    FROZEN = 3


class Cause(IntEnum):
    """Why something is or is no longer shown."""

    GRANT = 0
    SCORE = 1
    THRESHOLD = 2
    REGISTRY = 3
    KEY = 4
    WITHDRAWAL = 5
    EXPIRY = 6
    ERASURE = 7
    ENQUIRY = 8
