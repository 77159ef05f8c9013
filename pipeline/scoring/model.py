"""A scorecard model: frozen data read from a model file, and its tables.

Model files are named ``<id>@<version>.toml`` and never change once released: the first
line carries the SHA-256 of all that follows, checked at every load.
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.factors.characteristics import CHARACTERISTICS
from pipeline.scoring.attributes import ScoredCharacteristic
from pipeline.scoring.content import ModelContent, ModelError
from pipeline.scoring.lookup import Lookup, build_lookup
from pipeline.scoring.model_checks import check_model
from pipeline.scoring.model_file import parse_model, verified_body
from pipeline.scoring.reasons import Reason
from pipeline.scoring.scaling import Scaling

MODELS_FOLDER: Final = Path(__file__).parent / "models"
_HASH32_DIGITS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A points-based scorecard, ready to score.

    The score is ``base`` plus the points of one attribute per characteristic; it lies within
    350..950 by construction, as the loader refuses a model whose extremes do not.
    """

    content: ModelContent
    sha256: str
    lookup: Lookup = field(init=False)

    def __post_init__(self) -> None:
        """Check the content and precompute the tables.

        Raises:
            ModelError: The content breaks a rule of ``model_checks``.
        """
        check_model(self.content, {each.name: each.factor for each in CHARACTERISTICS})
        lookup = build_lookup(
            self.content.characteristics,
            [each.name for each in CHARACTERISTICS],
            self.reason_codes,
            self.content.scaling,
        )
        object.__setattr__(self, "lookup", lookup)

    @property
    def id(self) -> str:
        """The model's id, such as ``default``."""
        return self.content.id

    @property
    def version(self) -> int:
        """The model's version, from 1."""
        return self.content.version

    @property
    def name(self) -> str:
        """``id@version``, as published with every score."""
        return f"{self.id}@{self.version}"

    @property
    def hash32(self) -> int:
        """The first 32 bits of the content hash, as kept in factor rows."""
        return int(self.sha256[:_HASH32_DIGITS], 16)

    @property
    def base(self) -> int:
        """The points everybody starts from."""
        return self.content.base

    @property
    def scaling(self) -> Scaling:
        """The scale between points and odds."""
        return self.content.scaling

    @property
    def characteristics(self) -> tuple[ScoredCharacteristic, ...]:
        """The scored characteristics, grouped by factor in the order of ``Factor``."""
        return self.content.characteristics

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Every reason the model can give; positions are what ``ScoreColumns.reasons`` holds."""
        return self.content.reasons

    @property
    def reason_codes(self) -> tuple[str, ...]:
        """The codes of ``reasons``, in the same order."""
        return tuple(reason.code for reason in self.content.reasons)

    @property
    def neutral_points(self) -> NDArray[np.int16]:
        """(5,) what each factor gives a person who does not share it."""
        return self.lookup.neutral

    @property
    def min_points(self) -> NDArray[np.int16]:
        """(5,) the fewest points of each factor."""
        return self.lookup.min_points

    @property
    def max_points(self) -> NDArray[np.int16]:
        """(5,) the most points of each factor."""
        return self.lookup.max_points


def load_model(name: str, folder: Path = MODELS_FOLDER) -> Model:
    """Read a model file by ``id@version``; read once per process.

    Raises:
        ModelError: There is no such file, its hash is wrong, or its content breaks a rule.
    """
    return _load(name, folder)


@cache
def _load(name: str, folder: Path) -> Model:
    path = folder / f"{name}.toml"
    if path.name != f"{name}.toml" or not path.is_file():
        known = ", ".join(model_names(folder)) or "none"
        msg = f"model {name!r} is not in {folder}; there: {known}"
        raise ModelError(msg)
    model = model_from_bytes(path.read_bytes(), path.name)
    if model.name != name:
        msg = f"{path.name}: the file says it is {model.name!r}"
        raise ModelError(msg)
    return model


def model_names(folder: Path = MODELS_FOLDER) -> list[str]:
    """The names of the models in a folder, sorted."""
    return sorted(path.stem for path in folder.glob("*@*.toml"))


def model_from_bytes(file: bytes, source: str) -> Model:
    """A model from the bytes of a model file; ``source`` names it in errors.

    Raises:
        ModelError: The hash is wrong, or the content breaks a rule.
    """
    try:
        body, sha256 = verified_body(file)
        return Model(parse_model(body), sha256)
    except ModelError as error:
        msg = f"{source}: {error}"
        raise ModelError(msg) from error
