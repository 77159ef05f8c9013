"""``sesame settings``: every setting, its value and what is allowed."""

from typing import Any

import typer
from pydantic import SecretStr

from pipeline import settings
from pipeline.cli.output import Json, complain, print_json, print_table

app = typer.Typer()


@app.command()
def show(*, as_json: Json = False) -> None:
    """List every setting with its value, where it comes from and what is allowed."""
    rows = listing(settings.load())
    if as_json:
        print_json({"settings": rows})
        return
    print_table(
        ("Variable", "Value", "Allowed", "Meaning"),
        [(row["variable"], row["value"], row["allowed"], row["description"]) for row in rows],
    )
    for name in settings.unknown_variables():
        complain(f"{name} is set, but there is no such setting")


def listing(current: settings.Settings) -> list[dict[str, Any]]:
    """The settings in their order, secrets masked."""
    return [
        {
            "variable": settings.variable(name),
            "value": _shown(getattr(current, name)),
            "default": _shown(field.get_default(call_default_factory=True)),
            "is_default": getattr(current, name) == field.get_default(call_default_factory=True),
            "allowed": settings.allowed(name),
            "description": field.description,
        }
        for name, field in settings.Settings.model_fields.items()
    ]


def _shown(value: object) -> object:
    if isinstance(value, SecretStr):
        return settings.MASK
    return value if value is None or isinstance(value, bool | int | float) else str(value)
