"""What keeps a partner registry from being put in force."""

import pytest

from pipeline.codec.registry import FileRegistry, RegistryError
from pipeline.errors import RefusedError
from pipeline.gateway.reload import check_schemas, wrong_schemas


class Lacking(FileRegistry):
    """A registry in which some subjects were never registered."""

    def __init__(self, *lacking: str) -> None:
        super().__init__()
        self._lacking = lacking

    def id_of(self, subject: str) -> int:
        if subject in self._lacking:
            raise RegistryError(f"{subject} is not registered")
        return super().id_of(subject)


def test_partners_without_a_registered_schema_are_told_each() -> None:
    registry = Lacking("partner.bikes.scores-value", "partner.hotel.scores-value")

    assert wrong_schemas(registry, ["bikes", "hotel", "loans"]) == [
        "partner bikes: partner.bikes.scores-value is not registered",
        "partner hotel: partner.hotel.scores-value is not registered",
    ]


def test_a_gateway_whose_partner_has_no_schema_is_refused() -> None:
    check_schemas(Lacking("partner.hotel.scores-value"), ["bikes"])
    with pytest.raises(RefusedError, match="partner hotel"):
        check_schemas(Lacking("partner.hotel.scores-value"), ["bikes", "hotel"])
