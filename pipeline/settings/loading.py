"""Settings read from the environment, and refusals in words."""

import os

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from pipeline.settings.fields import MASK, PREFIX, SettingsError, variable
from pipeline.settings.model import Settings, allowed


def load(**overrides: object) -> Settings:
    """Read the settings from the environment.

    Args:
        overrides: Values by setting name that win over the environment.

    Raises:
        SettingsError: At least one is wrong.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # checked by pydantic
    except ValidationError as error:
        raise SettingsError([_problem(details) for details in error.errors()]) from None


def is_secret(field: FieldInfo) -> bool:
    """Whether a setting's value must never be shown."""
    return "SecretStr" in str(field.annotation)


def unknown_variables() -> list[str]:
    """``SESAME_*`` variables of the environment that are no setting, sorted."""
    known = {variable(name) for name in Settings.model_fields}
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)


def _problem(details: ErrorDetails) -> str:
    context = details.get("ctx", {})
    name = str(details["loc"][0]) if details["loc"] else str(context["name"])
    if name not in Settings.model_fields:
        return f"{variable(name)} is no setting; `sesame settings` lists them all"
    if "must_be" in context:
        return f"{variable(name)} is {context['shown']}, must be {context['must_be']}"
    hidden = is_secret(Settings.model_fields[name]) or details["type"] == "secret"
    shown = MASK if hidden else repr(details["input"])
    return f"{variable(name)} is {shown}, must be {allowed(name)}"
