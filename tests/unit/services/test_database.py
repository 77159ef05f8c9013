"""The file of a service's contracts."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError

from pipeline.partners.services.database import open_database


@pytest.mark.parametrize("named", [True, False])
def test_contracts_are_readable_by_their_owner_only(tmp_path: Path, named: bool) -> None:
    file = tmp_path / "folder" / "contracts.db"
    address = SecretStr(f"sqlite:///{file}") if named else None
    database = open_database(address, "rental_database", file)
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a)")

    modes = {path.name: path.stat().st_mode & 0o777 for path in file.parent.iterdir()}
    database.close()

    assert modes == dict.fromkeys(("contracts.db", "contracts.db-wal", "contracts.db-shm"), 0o600)
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_errors_name_nobody(tmp_path: Path) -> None:
    database = open_database(None, "rental_database", tmp_path / "contracts.db")

    with pytest.raises(SQLAlchemyError) as refused, database.read() as connection:
        connection.exec_driver_sql("SELECT * FROM nothing WHERE subject = ?", ("ann",))
    database.close()

    assert "ann" not in str(refused.value)
