from pathlib import Path

import pytest

from pipeline.partners.registry import PartnerRegistryError, load_registry
from pipeline.partners.vocabulary import Disclosure, Fallback, Purpose
from pipeline.resources import partners_file

ENTRY = {
    "name": '"Bikes"',
    "disclosure": '"BAND"',
    "fallback": '"DEPOSIT"',
    "legal_basis": '"CONSENT"',
    "purposes": "{ BIKE_DEPOSIT = { threshold = 600 } }",
}


def file_with(folder: Path, changes: dict[str, str | None], partner_id: str = "bikes") -> Path:
    entry = {name: value for name, value in (ENTRY | changes).items() if value is not None}
    lines = [f'[partners."{partner_id}"]', *(f"{name} = {value}" for name, value in entry.items())]
    path = folder / "partners.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(PartnerRegistryError) as refused:
        load_registry(path)
    return str(refused.value)


def test_the_registry_of_the_package_holds_car_rental_and_microloan() -> None:
    registry = load_registry(partners_file())

    car_rental = registry.policy("car-rental")
    assert car_rental.purpose is Purpose.CAR_RENTAL_DEPOSIT
    assert (car_rental.threshold, car_rental.fallback) == (650, Fallback.DEPOSIT)
    microloan = registry.policy("microloan")
    assert microloan.purpose is Purpose.MICROLOAN
    assert (microloan.threshold, microloan.fallback) == (600, Fallback.HUMAN_REVIEW)


def test_a_whole_entry_is_read(tmp_path: Path) -> None:
    policy = load_registry(file_with(tmp_path, {})).policy("bikes")

    assert policy.partner_name == "Bikes"
    assert policy.purpose is Purpose.BIKE_DEPOSIT
    assert policy.disclosure is Disclosure.BAND


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"fallback": None}, "fallback", "is missing"),
        ({"fallback": '"REFUSE"'}, "fallback", "'DEPOSIT' or 'HUMAN_REVIEW'"),
        ({"disclosure": '"EVERYTHING"'}, "disclosure", "'EVERYTHING' is not allowed"),
        ({"legal_basis": '"PUBLIC_TASK"'}, "legal_basis", "'PUBLIC_TASK' is not allowed"),
        ({"legal_basis": None}, "legal_basis", "is missing"),
        (
            {"purposes": "{ BORDER_CONTROL = { threshold = 600 } }"},
            "purposes.BORDER_CONTROL",
            "'BORDER_CONTROL' is not allowed",
        ),
        ({"purposes": "{}"}, "purposes", "at least 1"),
        ({"purposes": "{ BIKE_DEPOSIT = {} }"}, "purposes.BIKE_DEPOSIT.threshold", "is missing"),
        (
            {"purposes": "{ BIKE_DEPOSIT = { threshold = 951 } }"},
            "purposes.BIKE_DEPOSIT.threshold",
            "less than or equal to 950",
        ),
        (
            {"purposes": '{ BIKE_DEPOSIT = { threshold = 600, disclosure = "SCORE" } }'},
            "purposes.BIKE_DEPOSIT.disclosure",
            "'SCORE' shows more than the partner's 'BAND'",
        ),
        (
            {"purposes": '{ BIKE_DEPOSIT = { threshold = 600, disclosure = "ALL" } }'},
            "purposes.BIKE_DEPOSIT.disclosure",
            "'ALL' is not allowed, must be one of 'ADMIT', 'BAND' or 'SCORE'",
        ),
        (
            {"purposes": '{ BIKE_DEPOSIT = { threshold = 600, fallback = "NONE" } }'},
            "purposes.BIKE_DEPOSIT.fallback",
            "is no field of the registry",
        ),
        ({"bulk_access": "true"}, "bulk_access", "is no field of the registry"),
    ],
)
def test_a_wrong_field_is_refused_with_its_file_partner_and_name(
    tmp_path: Path, changes: dict[str, str | None], field: str, says: str
) -> None:
    path = file_with(tmp_path, changes)

    said = refusal(path)

    assert said.startswith(f"{path}: partner bikes: {field}: ")
    assert says in said


def test_a_purpose_may_show_less_than_its_partner(tmp_path: Path) -> None:
    purposes = """{ BIKE_DEPOSIT = { threshold = 600, disclosure = "ADMIT" },
        HOTEL_DEPOSIT = { threshold = 620 },
        CAR_RENTAL_DEPOSIT = { threshold = 650, disclosure = "BAND" } }"""
    registry = load_registry(file_with(tmp_path, {"purposes": " ".join(purposes.split())}))

    shown = {purpose: policy.disclosure for purpose, policy in registry.policies("bikes").items()}

    assert shown == {
        Purpose.BIKE_DEPOSIT: Disclosure.ADMIT,
        Purpose.HOTEL_DEPOSIT: Disclosure.BAND,
        Purpose.CAR_RENTAL_DEPOSIT: Disclosure.BAND,
    }


def test_every_purpose_that_would_show_too_much_is_told_at_once(tmp_path: Path) -> None:
    terms = '{ threshold = 600, disclosure = "SCORE" }'
    purposes = f"{{ BIKE_DEPOSIT = {terms}, HOTEL_DEPOSIT = {terms} }}"

    lines = refusal(file_with(tmp_path, {"purposes": purposes})).splitlines()

    assert [line.split(": ")[2] for line in lines] == [
        "purposes.BIKE_DEPOSIT.disclosure",
        "purposes.HOTEL_DEPOSIT.disclosure",
    ]


def test_an_id_that_would_be_no_part_of_a_topic_name_is_refused(tmp_path: Path) -> None:
    said = refusal(file_with(tmp_path, {}, partner_id="car.rental"))

    assert "partner car.rental: id: 'car.rental' must be" in said


def test_every_wrong_field_is_told_at_once(tmp_path: Path) -> None:
    said = refusal(file_with(tmp_path, {"fallback": None, "disclosure": '"ALL"'}))

    assert len(said.splitlines()) == 2


def test_a_missing_file_and_no_toml_are_told(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[partners", encoding="utf-8")
    assert "is not TOML" in refusal(broken)


def test_who_is_not_registered_gets_nothing(tmp_path: Path) -> None:
    registry = load_registry(file_with(tmp_path, {}))

    with pytest.raises(PartnerRegistryError, match="police is not registered; there are: bikes"):
        registry.policy("police")
    with pytest.raises(PartnerRegistryError, match="has no purpose MICROLOAN"):
        registry.policy("bikes", Purpose.MICROLOAN)


def test_a_partner_of_several_purposes_needs_one_named(tmp_path: Path) -> None:
    both = "{ BIKE_DEPOSIT = { threshold = 600 }, HOTEL_DEPOSIT = { threshold = 620 } }"
    registry = load_registry(file_with(tmp_path, {"purposes": both}))

    with pytest.raises(PartnerRegistryError, match="several purposes"):
        registry.policy("bikes")
    assert registry.policy("bikes", Purpose.HOTEL_DEPOSIT).threshold == 620
