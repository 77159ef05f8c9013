from pipeline.gateway.terms import PolicyTable, Terms, TermsBox
from pipeline.gateway.vocabulary import PURPOSE_CODES
from tests.unit.gateway.world import BOTH, registry

BIKE, HOTEL = PURPOSE_CODES["BIKE_DEPOSIT"], PURPOSE_CODES["HOTEL_DEPOSIT"]


def test_terms_know_the_registered_partners() -> None:
    assert Terms.of(BOTH).partner_ids == ["bikes", "loans"]


def test_exchanged_terms_have_another_version() -> None:
    box = TermsBox(Terms.of(BOTH))
    before = box.version

    box.replace(Terms.of(registry(cafes={"BIKE_DEPOSIT": 400})))

    assert box.current.partner_ids == ["cafes"]
    assert box.version == before + 1


def test_a_table_says_by_codes_what_the_registry_says_by_names() -> None:
    table = PolicyTable(Terms.of(BOTH))

    table.cover(["nobody", "bikes"])

    assert not table.registered[0].any()
    assert table.registered[1, [BIKE, HOTEL]].all()
    assert table.threshold[1, BIKE] == 600
    assert table.disclosure[1, BIKE] == 1


def test_a_table_learns_further_partners_without_forgetting() -> None:
    table = PolicyTable(Terms.of(BOTH))
    table.cover(["bikes"])

    table.cover(["bikes", "nobody", "loans"])

    assert table.threshold[:, PURPOSE_CODES["MICROLOAN"]].tolist() == [0, 0, 650]
    assert table.threshold[0, HOTEL] == 500


def test_a_purpose_may_be_shown_less_than_its_partner() -> None:
    entries = BOTH.model_dump(mode="json", exclude_none=True)
    entries["partners"]["loans"]["purposes"]["MICROLOAN"]["disclosure"] = "ADMIT"
    table = PolicyTable(Terms.of(type(BOTH).model_validate(entries)))

    table.cover(["loans"])

    assert table.disclosure[0, PURPOSE_CODES["MICROLOAN"]] == 0
