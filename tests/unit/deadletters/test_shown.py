"""How a letter is shown."""

import json

import pytest

from pipeline.codec.registry import FileRegistry, RegistryError
from pipeline.deadletters.shown import Shower, harmless, printable
from tests.unit.deadletters.posts import PAYMENT, letter, payment


class DownRegistry(FileRegistry):
    """Does not answer, and counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def schema(self, schema_id: int) -> str:
        self.asked += 1
        raise RegistryError(f"no answer about {schema_id}")


def test_a_value_that_decodes_is_shown_as_its_fields() -> None:
    shown = Shower(FileRegistry()).show(letter(value=payment()), None)
    assert shown["value"] == PAYMENT
    assert (shown["schema_id"], shown["decode_error"], shown["kept"]) == (2, None, True)


def test_a_value_that_does_not_decode_is_shown_by_its_beginning() -> None:
    shown = Shower(FileRegistry()).show(letter(value=b"\x1b[2J" + b"a" * 100), None)
    assert shown["value"] is None
    assert shown["preview"] == "\\x1b[2J" + "a" * 60
    assert shown["value_bytes"] == 104


def test_a_registry_that_does_not_answer_is_asked_once() -> None:
    registry = DownRegistry()
    shower = Shower(registry)
    for _ in range(3):
        assert shower.show(letter(value=payment()), None)["decode_error"] == "no answer about 2"
    assert registry.asked == 1


@pytest.mark.parametrize("text", ["a\nb", "\x1b]0;x\x07", "\u202eabc", "\x9b2J", "\u2028"])
def test_texts_that_steer_a_terminal_are_spelt_out(text: str) -> None:
    assert printable(text).isprintable()
    assert printable(text) != text


def test_values_of_foreign_schemas_fit_into_json() -> None:
    value = {"raw": b"\xff", "nested": [(1, b"x"), {2: None}]}
    assert json.loads(json.dumps(harmless(value))) == {
        "raw": "b'\\xff'",
        "nested": [[1, "b'x'"], {"2": None}],
    }
