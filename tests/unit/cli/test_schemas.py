"""The schemas command."""

import json
import shutil
from pathlib import Path

from typer.testing import CliRunner

from pipeline.cli.schemas import app
from pipeline.codec import catalog
from pipeline.errors import RefusedError
from pipeline.resources import schemas_dir


def test_list_gives_id_version_and_schema_of_each_subject() -> None:
    result = CliRunner().invoke(app, ["list", "--json"])
    assert result.exit_code == 0
    listed = json.loads(result.stdout)
    payment = catalog.current("Payment")
    assert listed["payments-value"] == {"id": 2, "version": 1, "schema": payment.avro}
    assert listed["scores-value"] == listed["score-changes-value"]
    assert "partner.car-rental.scores-value" in listed


def test_check_passes_on_the_committed_schemas() -> None:
    result = CliRunner().invoke(app, ["check", "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"schemas": len(catalog.committed()), "problems": []}


def test_check_fails_on_a_breaking_new_version(tmp_path: Path) -> None:
    folder = tmp_path / "schemas"
    shutil.copytree(schemas_dir(), folder)
    avro = json.loads((folder / "Profile.v1.avsc").read_text())
    avro["fields"].append({"name": "source", "type": "string"})
    (folder / "Profile.v2.avsc").write_text(json.dumps(avro))
    entry = f'record = "Profile"\nversion = 2\nsha256 = "{catalog.canonical_hash(avro)}"\n'
    with (folder / "ids.toml").open("a") as ids:
        ids.write(f"\n[[schema]]\nid = 99\n{entry}")
    result = CliRunner().invoke(app, ["check", "--folder", str(folder)])
    assert result.exit_code == 1
    assert "Profile v2 cannot read what v1 writes" in result.stderr


def test_check_fails_on_an_edited_schema(tmp_path: Path) -> None:
    folder = tmp_path / "schemas"
    shutil.copytree(schemas_dir(), folder)
    path = folder / "Profile.v1.avsc"
    path.write_text(path.read_text().replace('"REMOVED"', '"GONE"'))
    result = CliRunner().invoke(app, ["check", "--folder", str(folder)])
    assert result.exit_code == 1
    assert "Profile.v1.avsc is committed as id 5 and was edited" in result.stderr


def test_register_without_a_registry_says_what_is_missing() -> None:
    result = CliRunner().invoke(app, ["register"])
    assert isinstance(result.exception, RefusedError)
    assert "SESAME_REGISTRY_URL" in str(result.exception)
