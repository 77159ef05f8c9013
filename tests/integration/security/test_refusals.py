"""What is wrong with the way in is told at once, by the name of the setting."""

import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline import connection
from pipeline.connection import check_connection
from pipeline.errors import RefusedError, SesameError
from pipeline.partners.client import PartnerClient
from tests.integration.security.cluster import WAYS, SecuredKafka, Way
from tests.integration.support.stream import until

USER = "sesame-pipeline"
PATIENCE_S = 240.0
PROMPT_S = 60.0
"""Less than the clients are given, and time enough on a busy machine."""


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_PATIENCE_S", PATIENCE_S)


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_said_where_nothing_is_wrong(secured: SecuredKafka, way: Way) -> None:
    check_connection(secured.settings(USER, way))


class Wrong(NamedTuple):
    """A wrong setting and what is told of it."""

    way: Way
    changes: dict[str, Any]
    told: str


WRONG = {
    "password, SCRAM": Wrong(
        "SCRAM",
        {"sasl_password": "another"},
        "SESAME_SASL_USERNAME is sesame-pipeline, and SESAME_SASL_PASSWORD is not its password",
    ),
    "password, PLAIN": Wrong(
        "PLAIN", {"sasl_password": "another"}, "SESAME_SASL_PASSWORD is not its password"
    ),
    "user": Wrong("SCRAM", {"sasl_username": "nobody"}, "SESAME_SASL_USERNAME is nobody"),
    "mechanism": Wrong(
        "SCRAM",
        {"sasl_mechanism": "SCRAM-SHA-256"},
        "SESAME_SASL_MECHANISM is SCRAM-SHA-256, must be one of PLAIN,SCRAM-SHA-512",
    ),
    "no CA": Wrong("SCRAM", {"tls_ca": None}, "SESAME_TLS_CA is not set"),
    "no certificate": Wrong(
        "MUTUAL",
        {"tls_cert": None, "tls_key": None, "tls_key_password": None},
        "SESAME_TLS_CERT is not set",
    ),
    "key's password": Wrong("MUTUAL", {"tls_key_password": "another"}, "SESAME_TLS_KEY_PASSWORD"),
    "no key's password": Wrong("MUTUAL", {"tls_key_password": None}, "SESAME_TLS_KEY_PASSWORD"),
    "no login": Wrong("SCRAM", {"security_protocol": "SSL"}, "SESAME_SECURITY_PROTOCOL is SSL"),
}


def refusal(secured: SecuredKafka, way: Way, **changes: Any) -> str:
    wanted = {name: value for name, value in changes.items() if value is not None}
    settings = secured.settings(USER, way, **{"request_timeout_s": PATIENCE_S} | wanted)
    absent = {name: None for name, value in changes.items() if value is None}
    began = time.monotonic()
    with pytest.raises(RefusedError) as refused:
        check_connection(settings.model_copy(update=absent))
    assert time.monotonic() - began < PROMPT_S
    return str(refused.value)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_setting_is_named(secured: SecuredKafka, wrong: str) -> None:
    case = WRONG[wrong]
    assert case.told in refusal(secured, case.way, **case.changes)


@pytest.mark.parametrize("way", WAYS)
def test_a_ca_that_did_not_sign_the_brokers_certificate_is_named(
    secured: SecuredKafka, way: Way
) -> None:
    strangers = secured.strangers.path
    assert f"SESAME_TLS_CA is {strangers}" in refusal(secured, way, tls_ca=strangers)


def test_a_broker_whose_certificate_is_for_another_host_is_refused(
    secured: SecuredKafka,
) -> None:
    elsewhere = secured.settings(USER).bootstrap.replace("127.0.0.1", "localhost")
    told = refusal(secured, "SCRAM", bootstrap=elsewhere)
    assert f"the certificate of {elsewhere} is for another host" in told
    assert "SESAME_BOOTSTRAP" in told
    assert "SESAME_TLS_CHECK_HOSTNAME" in told
    check_connection(secured.settings(USER, bootstrap=elsewhere, tls_check_hostname=False))


def test_a_certificate_of_another_authority_is_named(secured: SecuredKafka) -> None:
    stranger = secured.strangers.issue("stranger")
    own = {"tls_cert": stranger.certificate, "tls_key": stranger.key, "tls_key_password": None}
    assert f"SESAME_TLS_CERT is {stranger.certificate}" in refusal(secured, "MUTUAL", **own)


def test_one_good_broker_of_several_is_enough(secured: SecuredKafka) -> None:
    nobody, good = "127.0.0.1:1", secured.settings(USER).bootstrap
    check_connection(secured.settings(USER, bootstrap=f"{nobody},{good}"))


def test_a_password_is_never_told(secured: SecuredKafka) -> None:
    assert "s3cr3t" not in refusal(secured, "SCRAM", sasl_password="s3cr3t")  # noqa: S106


@pytest.mark.parametrize(
    "command",
    [
        ("topics", "plan"),
        ("worker",),
        ("gateway",),
        ("consent", "grant", "ann", "--scope", "SCORING"),
        ("score", "ann"),
        ("simulate", "--people", "1"),
        ("dlq", "list"),
    ],
    ids=lambda command: command[0],
)
def test_a_command_ends_with_the_name_of_the_setting(
    secured: SecuredKafka, command: tuple[str, ...]
) -> None:
    key = "k" * 32
    ended = secured.sesame(USER, *command, sasl_password="another", pseudonym_key=key)  # noqa: S106
    assert ended.status == 2
    assert ended.errors.strip().endswith("SESAME_SASL_PASSWORD is not its password")
    assert "Traceback" not in ended.errors


def test_a_partners_program_is_told_too(secured: SecuredKafka, tmp_path: Path) -> None:
    wrong = secured.settings("sesame-partner-microloan", sasl_password="another")  # noqa: S106
    with PartnerClient("microloan", settings=wrong, store=tmp_path / "view.db") as client:
        until(lambda: client.state.problem is not None, lambda: str(client.state), PROMPT_S)
        with pytest.raises(SesameError, match="SESAME_SASL_PASSWORD is not its password"):
            client.wait_ready(0.1)
