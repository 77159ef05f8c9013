from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from pipeline.factors.vocabulary import Factor
from pipeline.scoring.content import ModelContent, ModelError
from pipeline.scoring.model import MODELS_FOLDER, Model, load_model, model_from_bytes, model_names
from pipeline.scoring.model_file import sealed

FILE = """
format = 1
id = "tiny"
version = 2
description = "One characteristic."
base = 500
[scaling]
score = 600
odds = 19.0
points_to_double_the_odds = 50
[[characteristics]]
name = "active_months_12m"
factor = "BEHAVIOUR"
edges = [3, 6.0]
points = [0, 10, 40]
missing_points = 5
neutral_points = 20
missing_label = "no purchases"
reason = "QUIET"
missing_reason = "QUIET"
[reasons.QUIET]
text = "Few active months."
advice = "Use it more often."
[training]
seed = 7
"""


def loaded(text: str) -> Model:
    return model_from_bytes(sealed(text.encode()), "tiny@2.toml")


def test_a_model_file_says_everything_the_model_knows() -> None:
    model = loaded(FILE)
    assert model.name == "tiny@2"
    assert model.base == 500
    assert model.reason_codes == ("QUIET",)
    assert model.characteristics[0].edges == (3.0, 6.0)
    assert model.min_points.tolist() == [0, 0, 0, 0, 0]
    assert model.max_points.tolist() == [0, 40, 0, 0, 0]
    assert model.neutral_points.tolist() == [0, 20, 0, 0, 0]
    assert model.content.training == {"seed": 7}


def test_the_short_hash_is_the_head_of_the_contents_hash() -> None:
    digest = sha256(FILE.encode()).hexdigest()
    assert loaded(FILE).sha256 == digest
    assert f"{loaded(FILE).hash32:08x}" == digest[:8]


def test_a_changed_point_is_refused() -> None:
    file = sealed(FILE.encode()).replace(b"[0, 10, 40]", b"[0, 10, 41]")
    with pytest.raises(ModelError, match=r"tiny@2\.toml: content was changed"):
        model_from_bytes(file, "tiny@2.toml")


def test_a_file_without_a_hash_is_refused() -> None:
    with pytest.raises(ModelError, match="first line must be"):
        model_from_bytes(FILE.encode(), "tiny@2.toml")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("format = 1", "format = 2", "format 2 is not 1"),
        ("base = 500", 'base = "500"', "base must be of type int"),
        ("base = 500", "base = true", "base must be of type int"),
        ("points = [0, 10, 40]", "points = [0, 10.5, 40]", "whole ones for points"),
        ('"BEHAVIOUR"', '"LOOKS"', "'LOOKS' is not one of CREDIT_HISTORY"),
        ("odds = 19.0", "odds = -19.0", "scaling: anchor_odds and pdo"),
        ("missing_points = 5", "", "missing_points of active_months_12m must be"),
        ("base = 500", "base = ", "not TOML"),
        ("active_months_12m", "age_years", "'age_years' is not a registered characteristic"),
        ('"BEHAVIOUR"', '"SOCIAL"', "belongs to BEHAVIOUR, not SOCIAL"),
        ("[0, 10, 40]", "[0, 10]", "2 edges need 3 points"),
        ("[3, 6.0]", "[6.0, 3]", "finite and ascending"),
        ("[3, 6.0]", "[3, nan]", "finite and ascending"),
        ("neutral_points = 20", "neutral_points = 41", "neutral points outside"),
        ('missing_reason = "QUIET"', 'missing_reason = "LOUD"', "reason 'LOUD' is not among"),
        ("version = 2", "version = 0", "version must be 1 or more"),
        ("base = 500", "base = 349", "run from 349 to 389, outside 350..950"),
        ("base = 500", "base = 911", "run from 911 to 951, outside 350..950"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused(old: str, new: str, why: str) -> None:
    assert old in FILE
    with pytest.raises(ModelError, match="tiny@2") as refusal:
        loaded(FILE.replace(old, new, 1))
    assert why in str(refusal.value)


@pytest.mark.parametrize("base", [350, 910])
def test_the_whole_range_may_be_used(base: int) -> None:
    assert loaded(FILE.replace("base = 500", f"base = {base}")).base == base


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda c: replace(c, characteristics=()), "1 to 32 characteristics"),
        (lambda c: replace(c, characteristics=c.characteristics[:1] * 2), "given twice"),
        (lambda c: replace(c, characteristics=c.characteristics[::-1]), "grouped by factor"),
        (lambda c: replace(c, reasons=c.reasons + c.reasons[:1]), "reason code is given twice"),
    ],
)
def test_a_content_that_breaks_a_rule_is_refused(
    content: ModelContent, change: Callable[[ModelContent], ModelContent], why: str
) -> None:
    with pytest.raises(ModelError, match=why):
        Model(change(content), "0" * 64)


def test_a_characteristic_cannot_borrow_anothers_reason(content: ModelContent) -> None:
    first, second, *rest = content.characteristics
    borrowed = replace(content, characteristics=(first, replace(second, reason="LATE"), *rest))
    with pytest.raises(ModelError, match="LATE is used by two characteristics"):
        Model(borrowed, "0" * 64)


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "tiny@2.toml").write_bytes(sealed(FILE.encode()))
    with pytest.raises(ModelError, match=r"'tiny@3' is not in .*; there: tiny@2"):
        load_model("tiny@3", tmp_path)


def test_a_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    (tmp_path / "tiny@2.toml").write_bytes(sealed(FILE.encode()))
    (tmp_path / "inside").mkdir()
    with pytest.raises(ModelError, match="is not in"):
        load_model("../tiny@2", tmp_path / "inside")


def test_a_renamed_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tiny@3.toml").write_bytes(sealed(FILE.encode()))
    with pytest.raises(ModelError, match="the file says it is 'tiny@2'"):
        load_model("tiny@3", tmp_path)


@pytest.mark.parametrize("name", model_names(MODELS_FOLDER))
def test_every_shipped_model_loads_and_covers_all_factors(name: str) -> None:
    model = load_model(name)
    assert model.name == name
    assert {each.factor for each in model.characteristics} == set(Factor)
