"""What a gateway tells when it starts: refusals, health, metrics."""

import socket

from pipeline import topics
from tests.integration.support.gateway import SharedStream, score

REFUSED = 2


def test_missing_topics_are_refused_those_of_partners_too(empty: SharedStream) -> None:
    gateway = empty.gateway()

    assert gateway.exit_status() == REFUSED
    named = (*topics.GATEWAY_INPUTS, *topics.for_partners(["rental", "loan"]))
    for topic in named:
        assert f"{empty.prefix}{topic.name} is missing" in gateway.log
    assert "payments is missing" not in gateway.log
    assert "sesame topics apply" in gateway.log
    assert "Traceback" not in gateway.log


def test_a_wrong_setting_is_refused_with_its_name(shared: SharedStream) -> None:
    gateway = shared.gateway(SESAME_GATEWAY_PORT="0")

    assert gateway.exit_status() == REFUSED
    assert "SESAME_GATEWAY_PORT is '0', must be a whole number from 1 to 65535" in gateway.log
    assert "Traceback" not in gateway.log


def test_a_wrong_registry_is_refused_with_each_problem(shared: SharedStream) -> None:
    good = shared.registry.read_text()
    shared.registry.write_text(good.replace("650", "1200").replace("DEPOSIT", "JAIL", 1))
    gateway = shared.gateway()

    assert gateway.exit_status() == REFUSED
    assert "partner rental: purposes.CAR_RENTAL_DEPOSIT.threshold" in gateway.log
    assert "partner rental: fallback: 'JAIL' is not allowed" in gateway.log
    assert "Traceback" not in gateway.log


def test_a_key_that_is_too_short_is_refused_and_not_told(shared: SharedStream) -> None:
    gateway = shared.gateway(SESAME_PSEUDONYM_KEY="too short a key")

    assert gateway.exit_status() == REFUSED
    assert "SESAME_PSEUDONYM_KEY" in gateway.log
    assert "too short a key" not in gateway.log


def test_a_port_in_use_is_told_with_the_setting_that_chooses_it(shared: SharedStream) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        gateway = shared.gateway(SESAME_GATEWAY_PORT=port)

        assert gateway.exit_status() == 1
    assert port in gateway.log
    assert "SESAME_GATEWAY_PORT" in gateway.log
    assert "Traceback" not in gateway.log
    assert "Unclosed" not in gateway.log


def test_a_ready_gateway_tells_its_lag_of_partners_topics_and_ends_in_order(
    shared: SharedStream,
) -> None:
    shared.send([*shared.enrolled(["ann"]), score("ann", 700)])
    gateway = shared.gateway().until_ready()

    def lags() -> dict[str, float]:
        found: dict[str, float] = {}
        for labels, lag in gateway.metrics().get("sesame_consumer_lag_records", {}).items():
            topic = dict(labels)["topic"]
            found[topic] = found.get(topic, 0) + lag
        return found

    watched = {topic.name for topic in topics.GATEWAY_INPUTS}
    for partner in ("rental", "loan"):
        watched |= {f"partner.{partner}.outcomes", f"partner.{partner}.enquiries"}
    shared.until(lambda: lags() == dict.fromkeys(watched, 0))
    assert gateway.get("/health/live")[0] == 200
    assert gateway.terminate() == 0
    assert "Traceback" not in gateway.log
