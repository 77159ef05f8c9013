"""The partner registry changes while a gateway runs."""

from pathlib import Path

from pipeline import provision
from tests.integration.support.gateway import (
    KEY,
    LOAN,
    RENTAL,
    TWO,
    Registered,
    SharedStream,
    grant,
    score,
    scoring,
)
from tests.integration.support.stream import until
from tests.integration.support.worker import WorkerProcess

HOTEL = Registered("HOTEL_DEPOSIT", 550)
_WITHIN_S = 120.0


def sample(gateway: WorkerProcess, name: str, **labels: str) -> float | None:
    return gateway.metrics().get(name, {}).get(tuple(sorted(labels.items())))


def until_valid(gateway: WorkerProcess, valid: float) -> None:
    until(
        lambda: sample(gateway, "sesame_gateway_registry_valid") == valid,
        lambda: gateway.log,
        _WITHIN_S,
    )


def until_shown(stream: SharedStream, partner: str, *points: int | None) -> None:
    until(
        lambda: sorted(stream.scores_shown(partner).values(), key=str) == sorted(points, key=str),
        lambda: f"{stream.shown(partner)}\n{stream.workers[-1].log}",
        _WITHIN_S,
    )


def running(stream: SharedStream) -> WorkerProcess:
    """A gateway that has shown ann's 700 to both partners."""
    gateway = stream.gateway().until_ready()
    stream.send([*stream.enrolled(["ann"]), score("ann", 700)])
    until_shown(stream, "rental", 700)
    until_shown(stream, "loan", 700)
    return gateway


def test_a_new_partner_is_served_with_what_was_granted_before_without_a_restart(
    shared: SharedStream,
) -> None:
    gateway = running(shared)
    shared.send([grant("ann", "hotel", HOTEL)])
    provision.ensure_topics(shared.settings, [*TWO, "hotel"])

    shared.register({**TWO, "hotel": HOTEL})

    until_shown(shared, "hotel", 700)
    until_valid(gateway, 1)
    assert sample(gateway, "sesame_gateway_partners") == 3
    assert sample(gateway, "sesame_gateway_registry_loads_total", result="applied") == 1
    assert gateway.partitions() == set(range(4))
    assert len(shared.shown("rental")[shared.subject("ann", "rental")]) == 1


def test_a_partner_that_leaves_the_registry_is_shown_nothing_any_more(
    shared: SharedStream,
) -> None:
    running(shared)

    shared.register({"rental": RENTAL})

    until_shown(shared, "loan", None)
    until_shown(shared, "rental", 700)


def test_a_wrong_registry_changes_nothing_and_each_problem_is_told(shared: SharedStream) -> None:
    gateway = running(shared)
    good = shared.registry.read_text()

    shared.registry.write_text(good.replace("650", "1200").replace("MICROLOAN", "SURVEILLANCE"))

    until_valid(gateway, 0)
    assert "threshold" in gateway.log
    assert "SURVEILLANCE" in gateway.log
    assert gateway.get("/health/ready")[0] == 200
    shared.send([scoring("bob"), *shared.granted("bob"), score("bob", 610)])
    until_shown(shared, "rental", 700, 610)
    assert sample(gateway, "sesame_gateway_registry_loads_total", result="refused") == 1

    shared.registry.write_text(good)
    until_valid(gateway, 1)


def test_a_registry_that_is_gone_changes_nothing(shared: SharedStream) -> None:
    gateway = running(shared)

    shared.registry.unlink()

    until_valid(gateway, 0)
    assert "cannot be read" in gateway.log
    shared.send([score("ann", 710, 2)])
    until_shown(shared, "rental", 710)


def test_a_partner_without_topics_is_refused_by_their_names_until_they_are_made(
    shared: SharedStream,
) -> None:
    gateway = running(shared)
    shared.send([grant("ann", "hotel", HOTEL)])

    shared.register({**TWO, "hotel": HOTEL})
    until_valid(gateway, 0)
    for kind in ("scores", "outcomes", "enquiries"):
        assert f"{shared.prefix}partner.hotel.{kind} is missing" in gateway.log

    provision.ensure_topics(shared.settings, [*TWO, "hotel"])
    until_valid(gateway, 1)
    until_shown(shared, "hotel", 700)


def test_a_hang_up_has_the_registry_looked_at(shared: SharedStream) -> None:
    gateway = running(shared)

    gateway.hang_up()

    until(
        lambda: sample(gateway, "sesame_gateway_registry_loads_total", result="applied") == 1,
        lambda: gateway.log,
        _WITHIN_S,
    )
    assert gateway.is_running
    assert len(shared.shown("rental")[shared.subject("ann", "rental")]) == 1


def test_a_new_key_gives_everyone_a_new_subject_without_a_restart(
    shared: SharedStream, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"{KEY}\n")
    del shared.variables["SESAME_PSEUDONYM_KEY"]
    shared.variables["SESAME_PSEUDONYM_KEY_FILE"] = str(keys)
    running(shared)
    former = shared.subject("ann", "loan")

    keys.write_text(f"a newer key, which comes to stand first\n{KEY}\n")

    until_shown(shared, "loan", None, 700)
    seen = shared.shown("loan")
    assert seen[former][-1] is None
    assert len(seen) == 2
    assert LOAN.purpose in str(seen)
