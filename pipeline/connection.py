"""Whether the brokers let us in; if not, which setting says otherwise.

The clients retry what cannot get better, and then tell only that time has run out.
"""

import contextlib
import socket
import ssl
import time
from collections.abc import Iterable
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from pipeline.errors import RefusedError
from pipeline.kafka import confluent_config, ssl_context
from pipeline.settings import Settings, variable

_PATIENCE_S = 10.0
_OTHERS_S = 2.0
"""How long another of several brokers may still take us after one has refused."""
_HUNG_UP_S = 3.0
"""How long every broker may hang up on us before that is an answer."""
_POLL_S = 0.1
_OTHER_NAME = {62, 64}
"""OpenSSL's codes of a certificate for another host name or IP address."""


def check_connection(settings: Settings) -> None:
    """Connect once; returns at once where nothing is encrypted and nobody logs in.

    Brokers that do not answer at all are left to the client that is to use them.

    Raises:
        RefusedError: The brokers refuse us, or we them; the message names the setting.
    """
    if settings.uses_tls:
        _check_certificates(settings)
    if settings.uses_sasl or settings.uses_tls:
        _check_login(settings)


def _check_certificates(settings: Settings) -> None:
    """Shake hands with the first broker that can be reached."""
    context = ssl_context(settings)
    if context is None:
        return
    for broker in settings.brokers:
        host, _, port = broker.rpartition(":")
        timeout_s = min(_PATIENCE_S, settings.request_timeout_s)
        try:
            with (
                socket.create_connection((host, int(port)), timeout_s) as plain,
                context.wrap_socket(plain, server_hostname=host),
            ):
                return
        except ssl.SSLCertVerificationError as error:
            raise RefusedError(_wrong_certificate(settings, broker, error)) from error
        except ssl.SSLError as error:
            reason = error.reason or error
            raise RefusedError(
                f"{broker} does not speak TLS with us ({reason}): "
                f"{variable('security_protocol')} is {settings.security_protocol}"
            ) from error
        except OSError:
            continue


def _wrong_certificate(settings: Settings, broker: str, error: ssl.SSLCertVerificationError) -> str:
    reason = error.verify_message.rstrip(".")
    if error.verify_code in _OTHER_NAME:
        return (
            f"the certificate of {broker} is for another host ({reason}): name the brokers in "
            f"{variable('bootstrap')} as their certificates do, or see "
            f"{variable('tls_check_hostname')}"
        )
    ca = settings.tls_ca or "not set, so the system's are taken"
    return (
        f"the certificate of {broker} is not to be trusted ({reason}): {variable('tls_ca')} is {ca}"
    )


def _check_login(settings: Settings) -> None:
    told: list[KafkaError] = []
    config: dict[str, Any] = {**confluent_config(settings), "error_cb": told.append}
    client = AdminClient({**config, "log_level": 0})
    began = time.monotonic()
    patience_s = min(_PATIENCE_S, settings.request_timeout_s)
    grace_s = _OTHERS_S if len(settings.brokers) > 1 else 0.0
    while (waited_s := time.monotonic() - began) < patience_s:
        with contextlib.suppress(KafkaException):
            if client.list_topics(timeout=_POLL_S).brokers:
                return
        client.poll(0)
        refusal = _refusal(settings, told)
        if refusal is not None and waited_s >= grace_s:
            raise RefusedError(refusal)
        if waited_s >= _HUNG_UP_S and settings.uses_tls and _all_down(told):
            raise RefusedError(
                f"{settings.bootstrap} speaks TLS with us and then hangs up: "
                f"{variable('security_protocol')} is {settings.security_protocol}"
            )


def _refusal(settings: Settings, told: Iterable[KafkaError]) -> str | None:
    """What a broker said about who we are; None where none said anything."""
    for error in told:
        text = error.str()
        if error.code() == KafkaError._AUTHENTICATION:  # noqa: SLF001 - its public name
            return f"no login at {settings.bootstrap}: {_wrong_login(settings, text)}"
        # TLS 1.3 tells of client certificates only after the handshake.
        if "alert" in text and settings.uses_tls:
            given = settings.tls_cert or "not set"
            return (
                f"the broker at {settings.bootstrap} does not take our certificate: "
                f"{variable('tls_cert')} is {given}"
            )
    return None


def _all_down(told: Iterable[KafkaError]) -> bool:
    return any(error.code() == KafkaError._ALL_BROKERS_DOWN for error in told)  # noqa: SLF001


def _wrong_login(settings: Settings, text: str) -> str:
    if "mechanism" in text and "supported" in text:
        offered = text.partition("supported mechanisms: ")[2].partition(" (")[0]
        must_be = f", must be one of {offered}" if offered else ""
        return f"{variable('sasl_mechanism')} is {settings.sasl_mechanism}{must_be}"
    return (
        f"{variable('sasl_username')} is {settings.sasl_username}, and "
        f"{variable('sasl_password')} is not its password"
    )
