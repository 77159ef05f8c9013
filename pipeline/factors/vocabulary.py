"""The closed vocabularies of the input records, as integer codes.

A code is the symbol's position in the Avro enum, so a decoded dictionary column is
already in codes; a test holds these classes to the `.avsc` files.
"""

from enum import IntEnum


class ConsentAction(IntEnum):
    """What a person does with a consent."""

    GRANT = 0
    WITHDRAW = 1


class Scope(IntEnum):
    """What a consent covers; the first six have a bit in a row's ``consent_mask``."""

    SCORING = 0
    CREDIT_HISTORY = 1
    BEHAVIOUR = 2
    FULFILMENT = 3
    IDENTITY = 4
    SOCIAL = 5
    PARTNER = 6


class Factor(IntEnum):
    """The five factors of a score, in the order of the Score record."""

    CREDIT_HISTORY = 0
    BEHAVIOUR = 1
    FULFILMENT = 2
    IDENTITY = 3
    SOCIAL = 4

    @property
    def scope(self) -> Scope:
        """The consent scope that covers this factor."""
        return Scope(self.value + 1)


class PaymentKind(IntEnum):
    """What a payment was."""

    PURCHASE = 0
    TRANSFER = 1
    BILL = 2
    REPAYMENT = 3
    CREDIT_DRAWDOWN = 4
    REFUND = 5
    CHARGEBACK = 6
    DELINQUENCY = 7


class ConsumptionKind(IntEnum):
    """What a person did at a shop."""

    PURCHASE = 0
    RETURN = 1
    SEARCH = 2
    VIEW = 3


class Category(IntEnum):
    """What a consumption event was about."""

    ESSENTIALS = 0
    HOME = 1
    HEALTH = 2
    EDUCATION = 3
    TRAVEL = 4
    LEISURE = 5
    LUXURY = 6
    GAMING = 7
    FINANCE = 8
    OTHER = 9


class ObligationKind(IntEnum):
    """What kind of contract an obligation belongs to."""

    RENTAL = 0
    LOAN = 1
    UTILITY = 2
    TELECOM = 3
    HOUSING = 4
    OTHER = 5


class ObligationStatus(IntEnum):
    """A step in the life of a contract."""

    OPENED = 0
    FULFILLED = 1
    LATE = 2
    BREACHED = 3
    DISPUTED = 4
    DISPUTE_UPHELD = 5
    DISPUTE_REJECTED = 6


class Attribute(IntEnum):
    """A personal attribute that can be verified."""

    IDENTITY = 0
    ADDRESS = 1
    PHONE = 2
    EMAIL = 3
    EDUCATION = 4
    EMPLOYMENT = 5


class AttributeStatus(IntEnum):
    """What happened to a personal attribute."""

    VERIFIED = 0
    CHANGED = 1
    REMOVED = 2


class RelationshipKind(IntEnum):
    """How two people are linked."""

    FRIEND = 0
    FAMILY = 1


class RelationshipAction(IntEnum):
    """What one side says of a link."""

    CONFIRM = 0
    REMOVE = 1
