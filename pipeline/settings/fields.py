"""What all settings share: their prefix, their refusal, words for what is allowed."""

from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from pipeline.errors import RefusedError

PREFIX = "SESAME_"
MASK = "********"
PORT_MAX = 65_535

FILE: JsonDict = {"allowed": "the path of a readable file"}
FOLDER: JsonDict = {"allowed": "the path of a folder, made when it is missing"}
SECRET: JsonDict = {"allowed": "text of at least one character"}


class SettingsError(RefusedError):
    """One or more settings are wrong; the message has a line for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def refusal(name: str, shown: str, must_be: str) -> PydanticCustomError:
    """Why a setting does not go with another: what it is, and what it must be."""
    context = {"name": name, "shown": shown, "must_be": must_be}
    return PydanticCustomError("together", "settings that do not go together", context)
