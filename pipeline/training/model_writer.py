"""Writes model files: what ``pipeline.scoring.model_file`` reads, laid out to be read by people."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Table

from pipeline.scoring.attributes import ScoredCharacteristic
from pipeline.scoring.content import ModelContent
from pipeline.scoring.model_file import FORMAT, sealed


def model_bytes(content: ModelContent) -> bytes:
    """A model file's bytes, hash line first; the same content gives the same bytes."""
    document = tomlkit.document()
    document["format"] = FORMAT
    document["id"] = content.id
    document["version"] = content.version
    document["description"] = content.description
    document["base"] = content.base
    document["scaling"] = {
        "score": int(content.scaling.anchor_score),
        "odds": content.scaling.anchor_odds,
        "points_to_double_the_odds": int(content.scaling.pdo),
    }
    characteristics = tomlkit.aot()
    for each in content.characteristics:
        characteristics.append(_characteristic(each))
    document["characteristics"] = characteristics
    document["reasons"] = {
        reason.code: {"text": reason.text, "advice": reason.advice} for reason in content.reasons
    }
    document["training"] = _plain(content.training)
    return sealed(tomlkit.dumps(document).encode())


def write_model(content: ModelContent, folder: Path, *, replace: bool) -> Path:
    """Write ``<id>@<version>.toml`` into a folder.

    Raises:
        FileExistsError: The model is there; released models never change, so ``replace``
            must be asked for.
    """
    path = folder / f"{content.id}@{content.version}.toml"
    if path.exists() and not replace:
        raise FileExistsError(f"{path} exists; raise the version or ask to replace it")
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model_bytes(content))
    return path


def _characteristic(each: ScoredCharacteristic) -> Table:
    table = tomlkit.table()
    for key, value in asdict(each).items():
        table[key] = each.factor.name if key == "factor" else _plain(value)
    return table


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return list(value)
    return value
