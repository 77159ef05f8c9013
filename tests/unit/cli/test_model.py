import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipeline.cli.model import app
from pipeline.errors import RefusedError
from pipeline.factors.vocabulary import Factor
from pipeline.scoring.bands import Band
from pipeline.scoring.model import load_model

trains = pytest.mark.skipif(
    not (find_spec("optbinning") and find_spec("tomlkit")), reason="needs the group train"
)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_report_has_the_contracts_figures() -> None:
    figures: dict[str, Any] = json.loads(run("report", "--people", "2000", "--json"))
    assert 0.7 < figures["auc"] < figures["ceiling_auc"] < 1
    assert figures["gini"] == pytest.approx(2 * figures["auc"] - 1)
    assert 0 < figures["ks"] < 1
    assert 0 <= figures["psi"] < 0.1
    assert list(figures["calibration"]) == [band.name for band in Band]
    assert sum(each["n"] for each in figures["calibration"].values()) == figures["samples"]
    assert set(figures["calibration"]["POOR"]) == {"predicted", "observed", "n"}


def test_a_model_is_not_judged_on_the_people_it_was_fitted_on() -> None:
    seed = load_model("default@1").content.training["seed"]
    with pytest.raises(RefusedError, match=r"default@1 was fitted on the people of seed"):
        run("report", "--seed", str(seed))


def test_a_card_shows_every_characteristic_with_its_points() -> None:
    text = run("card", "default@1")
    model = load_model("default@1")
    assert model.sha256 in text
    for each in model.characteristics:
        assert f"### {each.factor.name}: {each.name}" in text
        assert f"| {each.missing_label} | {each.missing_points} |" in text
    for factor in Factor:
        assert f"| {factor.name} | 0-{model.max_points[factor]} |" in text


def test_a_card_is_also_there_for_programs() -> None:
    card = json.loads(run("card", "default@1", "--json"))
    assert card["name"] == "default@1"
    assert (
        card["base"] + sum(max(*c["points"], c["missing_points"]) for c in card["characteristics"])
        <= 950
    )


def test_a_model_compared_with_itself_does_as_well() -> None:
    compared = json.loads(run("compare", "default@1", "default@1", "--people", "500", "--json"))
    assert list(compared["models"]) == ["default@1"]
    assert compared["people"] == 500


@trains
def test_a_shipped_model_is_not_overwritten_unasked() -> None:
    with pytest.raises(RefusedError, match="raise --version"):
        run("train", "--people", "500")


@trains
def test_a_template_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="no template 'nobody'"):
        run("train", "--template", "nobody", "--out", str(tmp_path))


@trains
@pytest.mark.slow
def test_training_is_reproducible_from_its_seed(tmp_path: Path) -> None:
    arguments = ("train", "--people", "8000", "--seed", "9", "--json")
    figures = json.loads(run(*arguments, "--out", str(tmp_path / "a")))
    run(*arguments, "--out", str(tmp_path / "b"))
    assert figures["auc"] > 0.7
    first = (tmp_path / "a" / "default@1.toml").read_bytes()
    assert first == (tmp_path / "b" / "default@1.toml").read_bytes()
    model = load_model("default@1", tmp_path / "a")
    shares = model.max_points / model.max_points.sum()
    assert shares == pytest.approx([0.35, 0.20, 0.25, 0.15, 0.05], abs=0.01)
