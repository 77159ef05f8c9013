"""The model file's format: TOML below a line with the SHA-256 of the rest."""

import tomllib
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, TypeVar

from pipeline.factors.vocabulary import Factor
from pipeline.scoring.attributes import ScoredCharacteristic
from pipeline.scoring.content import ModelContent, ModelError
from pipeline.scoring.reasons import Reason
from pipeline.scoring.scaling import Scaling

FORMAT: Final = 1
"""Version of the layout of model files."""
_HASH_LINE: Final = "# sha256 of all below: "
_T = TypeVar("_T")


def sealed(body: bytes) -> bytes:
    """A model file's bytes: the hash line, then the body."""
    return f"{_HASH_LINE}{sha256(body).hexdigest()}\n".encode() + body


def verified_body(file: bytes) -> tuple[bytes, str]:
    """The body of a model file and its hash.

    Raises:
        ModelError: There is no hash line, or it does not fit the body.
    """
    line, _, body = file.partition(b"\n")
    if not line.startswith(_HASH_LINE.encode()):
        msg = f"the first line must be {_HASH_LINE!r} and the hash"
        raise ModelError(msg)
    digest = sha256(body).hexdigest()
    stated = line.decode(errors="replace").removeprefix(_HASH_LINE).strip()
    if stated != digest:
        msg = f"content was changed: it hashes to {digest}, the first line says {stated}"
        raise ModelError(msg)
    return body, digest


def parse_model(body: bytes) -> ModelContent:
    """The content of a model file's body.

    Raises:
        ModelError: Not TOML, another format, or a key is missing or of the wrong type.
    """
    try:
        data = tomllib.loads(body.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"not TOML: {error}"
        raise ModelError(msg) from error
    if data.get("format") != FORMAT:
        msg = f"format {data.get('format')!r} is not {FORMAT}, the one this version reads"
        raise ModelError(msg)
    return ModelContent(
        id=_get(data, "id", str),
        version=_get(data, "version", int),
        description=_get(data, "description", str),
        base=_get(data, "base", int),
        scaling=_scaling(_get(data, "scaling", dict)),
        characteristics=tuple(map(_characteristic, _get(data, "characteristics", list))),
        reasons=tuple(
            Reason(code, _get(reason, "text", str), _get(reason, "advice", str))
            for code, reason in _get(data, "reasons", dict).items()
        ),
        training=_get(data, "training", dict),
    )


def _scaling(table: Mapping[str, Any]) -> Scaling:
    try:
        return Scaling(
            anchor_score=float(_get(table, "score", int)),
            anchor_odds=_get(table, "odds", float),
            pdo=float(_get(table, "points_to_double_the_odds", int)),
        )
    except ModelError:
        raise
    except ValueError as error:
        msg = f"scaling: {error}"
        raise ModelError(msg) from error


def _characteristic(table: Mapping[str, Any]) -> ScoredCharacteristic:
    name = _get(table, "name", str)
    factor = _get(table, "factor", str)
    if factor not in Factor.__members__:
        msg = f"{name}: {factor!r} is not one of {', '.join(Factor.__members__)}"
        raise ModelError(msg)
    return ScoredCharacteristic(
        name=name,
        factor=Factor[factor],
        edges=tuple(float(edge) for edge in _numbers(table, "edges", (int, float))),
        points=tuple(int(points) for points in _numbers(table, "points", (int,))),
        missing_points=_get(table, "missing_points", int),
        neutral_points=_get(table, "neutral_points", int),
        missing_label=_get(table, "missing_label", str),
        reason=_get(table, "reason", str),
        missing_reason=_get(table, "missing_reason", str),
    )


def _numbers(
    table: Mapping[str, Any], key: str, kinds: tuple[type, ...]
) -> tuple[int | float, ...]:
    numbers = _get(table, key, list)
    if any(type(number) not in kinds for number in numbers):
        msg = f"{key} of {table.get('name')} must hold numbers only, whole ones for points"
        raise ModelError(msg)
    return tuple(numbers)


def _get(table: Mapping[str, Any], key: str, kind: type[_T]) -> _T:
    value = table.get(key)
    if type(value) is not kind:
        where = f" of {table['name']}" if isinstance(table.get("name"), str) else ""
        msg = f"{key}{where} must be of type {kind.__name__}, got {value!r}"
        raise ModelError(msg)
    return value
