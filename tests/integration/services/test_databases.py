"""The same orders on SQLite and on a real PostgreSQL."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy.engine import Connection

from pipeline import settings
from pipeline.errors import RefusedError
from pipeline.partners.decision import Decision
from pipeline.partners.services.contracts import DAY_MS
from pipeline.partners.services.database import Database, DatabaseError, open_database
from pipeline.partners.services.desk import Desk
from pipeline.partners.services.idempotency import Answer, Idempotency, KeyReusedError
from pipeline.partners.services.lines import line_of
from pipeline.partners.services.loans import lifecycle as loan_life
from pipeline.partners.services.loans.model import Application, Loan
from pipeline.partners.services.loans.rows import TABLES as LOAN_TABLES
from pipeline.partners.services.rental import lifecycle as rental_life
from pipeline.partners.services.rental.model import Damage, Rental, Terms
from pipeline.partners.services.schema import prepare
from pipeline.partners.services.store import ContractStore
from pipeline.partners.vocabulary import Admitted, Outcome

NOW_MS = 1_770_000_000_000


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/orders.db"
    return f"postgresql://{request.getfixturevalue('postgres_address')}"


@pytest.fixture
def database(address: str) -> Iterator[Database]:
    opened = open_database(SecretStr(address), "rental_database", Path("unused"))
    for partner_id in ("car-rental", "microloan"):
        line = line_of(partner_id, settings.load())
        with opened.write() as connection:
            line.metadata.drop_all(connection)
            connection.exec_driver_sql("DROP TABLE IF EXISTS schema_versions")
    for partner_id in ("car-rental", "microloan"):
        line = line_of(partner_id, settings.load())
        prepare(opened, line.name, line.metadata)
    yield opened
    opened.close()


def rental_desk(database: Database, now_ms: int = NOW_MS) -> Desk[Rental]:
    line = line_of("car-rental", settings.load())
    return Desk(
        "rental", database, ContractStore(line.tables, line.rows), line.lapse, lambda: now_ms
    )


def loan_desk(database: Database, now_ms: int = NOW_MS) -> Desk[Loan]:
    line = line_of("microloan", settings.load())
    return Desk("loan", database, ContractStore(line.tables, line.rows), line.lapse, lambda: now_ms)


def decision(outcome: Outcome) -> Decision:
    return Decision(
        outcome, Admitted.NO, "text", ("PAID_LATE",), ("Paid late.",), 650, "default@1", NOW_MS
    )


def rented(desk: Desk[Rental], connection: Connection) -> Rental:
    terms = Terms("ann", "car Ü", 3, 4_500, "EUR")
    outcome = decision(Outcome.DEPOSIT_WAIVED)
    return desk.open(
        connection, lambda number, now_ms: rental_life.open_rental(number, terms, outcome, now_ms)
    ).contract


def lent(desk: Desk[Loan], connection: Connection) -> Loan:
    asked = Application("ann", 10**12, "JPY", 30)
    outcome = decision(Outcome.LOAN_APPROVED)
    return desk.open(
        connection, lambda number, now_ms: loan_life.apply_for(number, asked, outcome, now_ms)
    ).contract


def test_a_contract_reads_as_it_was_written(database: Database) -> None:
    rentals, loans = rental_desk(database), loan_desk(database)
    with database.write() as connection:
        rental, loan = rented(rentals, connection), lent(loans, connection)

    assert rentals.get(rental.id).contract == rental
    assert loans.get(loan.id).contract == loan

    damage = Damage("scratch", 20_000, "photo")
    with database.write() as connection:
        filed = rentals.move(
            connection, rental.id, lambda r, now: rental_life.take_back(r, damage, DAY_MS, now)
        )

    assert rentals.get(rental.id) == filed
    assert filed.contract.damage == damage
    assert [entry.status for entry in filed.history] == ["OPEN", "DAMAGE_CLAIMED"]
    assert rentals.counts() == {"DAMAGE_CLAIMED": 1}


def test_an_order_and_its_report_are_written_together_or_not_at_all(database: Database) -> None:
    desk = rental_desk(database)

    def fails() -> None:
        with database.write() as connection:
            rented(desk, connection)
            raise KeyError

    with pytest.raises(KeyError):
        fails()

    with database.read() as connection:
        for table in ("rental_contracts", "rental_history", "rental_outbox"):
            rows = connection.exec_driver_sql(f"SELECT * FROM {table}").all()  # noqa: S608
            assert rows == []


def test_moves_of_one_contract_at_once_are_made_one_after_the_other(database: Database) -> None:
    desk = loan_desk(database)
    with database.write() as connection:
        loan = lent(desk, connection)

    def repay() -> None:
        with database.write() as connection:
            desk.move(connection, loan.id, lambda found, now: loan_life.repay(found, 1, now))

    threads = [threading.Thread(target=repay) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    filed = desk.get(loan.id)
    assert filed.contract.repaid_minor == 12
    assert len(filed.history) == 13


def test_time_moves_on_what_is_due_and_nothing_else(database: Database) -> None:
    desk = rental_desk(database)
    with database.write() as connection:
        rental, other = rented(desk, connection), rented(desk, connection)
        desk.move(connection, other.id, lambda r, now: rental_life.take_back(r, None, 0, now))

    assert rental_desk(database, NOW_MS + 3 * DAY_MS).sweep() == 0
    assert rental_desk(database, NOW_MS + 3 * DAY_MS + 1).sweep() == 1
    assert rental_desk(database, NOW_MS + 9 * DAY_MS).sweep() == 0
    assert desk.get(rental.id).contract.status == "LATE"


def test_two_processes_with_one_key_do_the_work_once(database: Database, address: str) -> None:
    # A second connection pool and a second memory of keys: another process in all but name.
    other = open_database(SecretStr(address), "rental_database", Path("unused"))
    keys = [Idempotency(each, LOAN_TABLES.keys, lambda: NOW_MS) for each in (database, other)]
    both = threading.Barrier(2)
    work, answers = [], []

    def once(connection: Connection) -> Answer:
        work.append(connection)
        return Answer(201, "done", "/there")

    def perform(each: Idempotency) -> None:
        both.wait(60)
        answers.append(each.perform("key", "print", once))

    threads = [threading.Thread(target=perform, args=(each,)) for each in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(work) == 1
    assert sorted(answer.replayed for answer in answers) == [False, True]
    assert {(a.status, a.body, a.location) for a in answers} == {(201, "done", "/there")}
    with pytest.raises(KeyReusedError):
        keys[0].perform("key", "another print", once)
    other.close()


def test_tables_of_a_newer_version_are_refused(database: Database) -> None:
    line = line_of("microloan", settings.load())
    prepare(database, line.name, line.metadata)  # a second start
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE schema_versions SET version = 2 WHERE service = 'loan'")

    with pytest.raises(RefusedError, match="loan tables are of version 2, this program's of"):
        prepare(database, line.name, line.metadata)
    prepare(database, "rental", line_of("car-rental", settings.load()).metadata)


def test_sqlite_waits_in_the_way_the_service_relies_on(tmp_path: Path) -> None:
    database = open_database(
        SecretStr(f"sqlite:///{tmp_path}/orders.db"), "rental_database", Path("unused")
    )
    with database.read() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    database.close()

    assert found == ["wal", 1, 1, 5_000]


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ("nonsense", "SESAME_LOAN_DATABASE is no address, must be sqlite:///file.db or"),
        ("mysql://root:secret@db/x", r"SESAME_LOAN_DATABASE is mysql://root:\*\*\*@db/x, must be"),
        ("sqlite://", "SESAME_LOAN_DATABASE is sqlite://, must be"),
    ],
)
def test_an_address_of_no_database_we_know_is_refused(wrong: str, complaint: str) -> None:
    with pytest.raises(RefusedError, match=complaint):
        open_database(SecretStr(wrong), "loan_database", Path("unused"))


@pytest.mark.parametrize("url", ["postgresql://shop:secret@127.0.0.1:1/x", "sqlite:///{file}"])
def test_a_database_that_cannot_be_opened_is_told_without_its_password(
    url: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no database, but long enough to be taken for a header" * 9)
    address = url.format(file=tmp_path / "file")

    with pytest.raises(DatabaseError, match="SESAME_LOAN_DATABASE names it") as raised:
        open_database(SecretStr(address), "loan_database", Path("unused"))

    assert "secret" not in str(raised.value)


def test_without_an_address_it_is_a_file_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "data" / "orders.db"

    open_database(None, "loan_database", file).close()

    assert file.is_file()
