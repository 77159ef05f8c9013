"""``sesame model``: train, describe, judge and compare score models."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.output import Json, print_json, print_table
from pipeline.errors import RefusedError, SesameError

if TYPE_CHECKING:
    from pipeline.scoring.model import Model
    from pipeline.training.evaluation import Evaluation

app = typer.Typer(help="Train, describe, judge and compare score models.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="MODEL", help="A model as id@version.")]
People = Annotated[int, typer.Option(min=500, max=1_000_000, help="People to simulate.")]
Seed = Annotated[int, typer.Option(min=0, help="Equal seeds give equal results.")]

TRAIN_PEOPLE = 60_000
TRAIN_SEED = 1
REPORT_PEOPLE = 20_000
REPORT_SEED = 2


@app.command()
def train(
    *,
    id_: Annotated[str, typer.Option("--id", help="The model's id.")] = "default",
    version: Annotated[int, typer.Option(min=1, help="The model's version.")] = 1,
    template: Annotated[str, typer.Option(help="What the card is made of.")] = "default",
    people: People = TRAIN_PEOPLE,
    seed: Seed = TRAIN_SEED,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the model file; the shipped models' if not given."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Overwrite a model that is not released yet.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Fit a model to simulated people and write its file."""
    from pipeline.cli.populations import Size, populations  # noqa: PLC0415 - help stays quick
    from pipeline.scoring.model import MODELS_FOLDER, load_model  # noqa: PLC0415
    from pipeline.scoring.scaling import Scaling  # noqa: PLC0415

    _need_train_group()
    from pipeline.training.fit import Plan, with_facts  # noqa: PLC0415
    from pipeline.training.model_writer import write_model  # noqa: PLC0415
    from pipeline.training.template import load_template  # noqa: PLC0415
    from pipeline.training.train import train as fit  # noqa: PLC0415

    folder = out or MODELS_FOLDER
    name = f"{id_}@{version}"
    if (folder / f"{name}.toml").exists() and not replace:
        raise RefusedError(f"{name} is in {folder}: raise --version, or --replace it if unreleased")
    try:
        plan = Plan(id_, version, load_template(template), Scaling())
    except FileNotFoundError as error:
        raise RefusedError(f"there is no template {template!r}") from error
    size = Size(people)
    try:
        trained = fit(list(populations(size, seed)), plan, seed)
    except ValueError as error:
        raise SesameError(f"these people make no model: {error}") from error
    model = with_facts(trained.model, {"simulated": asdict(size)})
    path = write_model(model.content, folder, replace=replace)
    _show(load_model(name, folder), trained.held_out, as_json=as_json, path=str(path))


@app.command()
def card(name: Name = "default@1", *, as_json: Json = False) -> None:
    """Describe a model from its file: factors, points, training facts."""
    from pipeline.scoring.model import load_model  # noqa: PLC0415 - help stays quick

    model = load_model(name)
    if as_json:
        print_json(asdict(model.content) | {"name": model.name, "sha256": model.sha256})
        return
    from pipeline.training.card import card as render  # noqa: PLC0415

    typer.echo(render(model))


@app.command()
def report(
    name: Name = "default@1",
    *,
    people: People = REPORT_PEOPLE,
    seed: Seed = REPORT_SEED,
    as_json: Json = False,
) -> None:
    """Judge a model on freshly simulated people that it was not fitted on."""
    from pipeline.scoring.model import load_model  # noqa: PLC0415 - help stays quick

    model = load_model(name)
    _show(model, _judge([model], people, seed)[0], as_json=as_json, people=people, seed=seed)


@app.command()
def compare(
    name: Name,
    other: Name,
    *,
    people: People = REPORT_PEOPLE,
    seed: Seed = REPORT_SEED,
    as_json: Json = False,
) -> None:
    """Judge two models on the same freshly simulated people."""
    from pipeline.scoring.model import load_model  # noqa: PLC0415 - help stays quick

    models = [load_model(name), load_model(other)]
    figures = [asdict(each) for each in _judge(models, people, seed)]
    if as_json:
        named = {each.name: own for each, own in zip(models, figures, strict=True)}
        print_json({"people": people, "seed": seed, "models": named})
        return
    rows = [
        (key, *(f"{own[key]:.4f}" if isinstance(own[key], float) else own[key] for own in figures))
        for key in figures[0]
        if key != "calibration"
    ]
    print_table(("Figure", name, other), rows)


def _judge(models: "list[Model]", people: int, seed: int) -> "list[Evaluation]":
    """Each model on the same people, whose links' scores are its own."""
    from pipeline.cli.populations import Size, populations  # noqa: PLC0415 - help stays quick
    from pipeline.training.evaluation import evaluate  # noqa: PLC0415
    from pipeline.training.sample import concatenate  # noqa: PLC0415

    for model in models:
        if seed == model.content.training.get("seed"):
            raise RefusedError(
                f"{model.name} was fitted on the people of seed {seed}: take another"
            )
    folded = list(populations(Size(people), seed))
    found = []
    for model in models:
        for each in folded:
            each.tell_base_scores(model)
        found.append(evaluate(concatenate([each.sample() for each in folded]), model))
    return found


def _show(model: "Model", figures: "Evaluation", *, as_json: bool, **more: Any) -> None:
    if as_json:
        print_json({"model": model.name, "sha256": model.sha256} | more | asdict(figures))
        return
    typer.echo(
        f"{model.name} on {figures.samples} people, {figures.thin_files} thin files left out"
    )
    print_table(
        ("AUC", "Ceiling", "Gini", "KS", "PSI", "Defaults", "Predicted"),
        [
            (
                f"{figures.auc:.4f}",
                f"{figures.ceiling_auc:.4f}",
                f"{figures.gini:.4f}",
                f"{figures.ks:.4f}",
                f"{figures.psi:.4f}",
                f"{figures.default_rate:.2%}",
                f"{figures.predicted_default_rate:.2%}",
            )
        ],
    )
    print_table(
        ("Band", "People", "Predicted", "Observed"),
        [
            (band, each.n, _rate(each.predicted), _rate(each.observed))
            for band, each in figures.calibration.items()
        ],
    )


def _rate(rate: float | None) -> str:
    return "" if rate is None else f"{rate:.2%}"


def _need_train_group() -> None:
    from importlib.util import find_spec  # noqa: PLC0415

    lacking = [name for name in ("optbinning", "tomlkit") if find_spec(name) is None]
    if lacking:
        raise SesameError(f"training needs {', '.join(lacking)}: install sesame-score[train]")
