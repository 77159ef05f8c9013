from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.scoring.model import load_model, model_from_bytes
from pipeline.training.model_writer import model_bytes, write_model

MODEL = load_model("default@1")


def test_a_written_model_reads_back_the_same() -> None:
    again = model_from_bytes(model_bytes(MODEL.content), "again")
    assert again.content == MODEL.content
    assert again.sha256 == MODEL.sha256


def test_a_written_model_can_be_loaded_by_its_name(tmp_path: Path) -> None:
    content = replace(MODEL.content, id="mine", version=3)
    assert write_model(content, tmp_path, replace=False) == tmp_path / "mine@3.toml"
    assert load_model("mine@3", tmp_path).content == content


def test_a_model_that_is_there_is_not_overwritten_unasked(tmp_path: Path) -> None:
    path = write_model(MODEL.content, tmp_path, replace=False)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="raise the version"):
        write_model(replace(MODEL.content, base=351), tmp_path, replace=False)
    assert path.read_bytes() == before
    write_model(MODEL.content, tmp_path, replace=True)
