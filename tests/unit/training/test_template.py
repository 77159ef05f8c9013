from pathlib import Path

import pytest

from pipeline.factors.characteristics import CHARACTERISTICS
from pipeline.factors.vocabulary import Factor
from pipeline.training.template import TEMPLATES_FOLDER, Direction, load_template


def test_the_default_template_has_the_published_shares() -> None:
    shares = load_template("default").shares
    assert [shares[factor] for factor in Factor] == [0.35, 0.20, 0.25, 0.15, 0.05]


def test_the_default_template_knows_every_registered_characteristic() -> None:
    named = {each.name for each in load_template("default").characteristics}
    assert named == {each.name for each in CHARACTERISTICS}


def test_no_two_characteristics_share_a_reason_code() -> None:
    codes = [
        code
        for each in load_template("default").characteristics
        for code in {each.reason.code, each.missing_reason.code}
    ]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(
    "name",
    ["worst_overdue_12m", "contracts_breached_60m", "contracts_late_share_24m", "chargebacks_12m"],
)
def test_more_trouble_never_gives_more_points(name: str) -> None:
    directions = {each.name: each.direction for each in load_template("default").characteristics}
    assert directions[name] is Direction.DOWN


def test_shares_that_do_not_add_up_are_refused(tmp_path: Path) -> None:
    text = (TEMPLATES_FOLDER / "default.toml").read_text("utf-8")
    (tmp_path / "odd.toml").write_text(text.replace("SOCIAL = 0.05", "SOCIAL = 0.06"), "utf-8")
    with pytest.raises(ValueError, match="add up to 1"):
        load_template("odd", tmp_path)
