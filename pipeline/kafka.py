"""Client configurations from the settings, one function a client library.

All of them carry the same brokers, time limit, login and certificates.
"""

import ssl
from pathlib import Path
from typing import Any

from pipeline.errors import RefusedError
from pipeline.settings import Settings, variable


def ssl_context(settings: Settings) -> ssl.SSLContext | None:
    """The TLS side of connections to the brokers; None where they are not encrypted.

    Raises:
        RefusedError: A file holds no certificate or key, or the key's password is another.
    """
    if not settings.uses_tls:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca)
    except ssl.SSLError as error:
        raise _wrong_file("tls_ca", settings.tls_ca, "a file of CA certificates in PEM") from error
    context.check_hostname = settings.tls_check_hostname
    if settings.tls_cert is not None:
        _load_certificate(context, settings)
    return context


def _load_certificate(context: ssl.SSLContext, settings: Settings) -> None:
    secret = settings.tls_key_password
    # Without a password OpenSSL would ask for one at the terminal.
    password = secret.get_secret_value() if secret else ""
    try:
        context.load_cert_chain(settings.tls_cert or "", settings.tls_key, lambda: password)
    except ssl.SSLError as error:
        must_be = f"the key of {settings.tls_cert} in PEM, with {variable('tls_key_password')}"
        raise _wrong_file("tls_key", settings.tls_key, must_be) from error


def _wrong_file(name: str, path: Path | None, must_be: str) -> RefusedError:
    return RefusedError(f"{variable(name)} is {path}, must be {must_be}")


def aiokafka_config(settings: Settings) -> dict[str, Any]:
    """Arguments of aiokafka's consumer, producer and admin client."""
    return _python_config(settings)


def kafka_python_config(settings: Settings) -> dict[str, Any]:
    """Arguments of kafka-python's consumer, producer and admin client."""
    return _python_config(settings)


def confluent_config(settings: Settings) -> dict[str, str | int]:
    """Properties of confluent-kafka's consumer, producer and admin client."""
    config: dict[str, str | int] = {
        "bootstrap.servers": settings.bootstrap,
        "client.id": settings.app_id,
        "security.protocol": settings.security_protocol,
        "socket.timeout.ms": _milliseconds(settings.request_timeout_s),
    }
    if settings.uses_sasl:
        config["sasl.mechanism"] = settings.sasl_mechanism
        config["sasl.username"], config["sasl.password"] = _login(settings)
    if settings.uses_tls:
        config.update(_confluent_tls(settings))
    return config


def _python_config(settings: Settings) -> dict[str, Any]:
    config: dict[str, Any] = {
        "bootstrap_servers": settings.brokers,
        "client_id": settings.app_id,
        "security_protocol": settings.security_protocol,
        "request_timeout_ms": _milliseconds(settings.request_timeout_s),
    }
    if settings.uses_tls:
        config["ssl_context"] = ssl_context(settings)
    if settings.uses_sasl:
        config["sasl_mechanism"] = settings.sasl_mechanism
        config["sasl_plain_username"], config["sasl_plain_password"] = _login(settings)
    return config


def _confluent_tls(settings: Settings) -> dict[str, str | int]:
    config: dict[str, str | int] = {
        "ssl.endpoint.identification.algorithm": "https" if settings.tls_check_hostname else "none"
    }
    # Without one librdkafka would look for the system's by itself, the environment's left out.
    ca = settings.tls_ca or ssl.get_default_verify_paths().cafile
    if ca is not None:
        config["ssl.ca.location"] = str(ca)
    if settings.tls_cert is not None:
        config["ssl.certificate.location"] = str(settings.tls_cert)
        config["ssl.key.location"] = str(settings.tls_key)
    if settings.tls_key_password is not None:
        config["ssl.key.password"] = settings.tls_key_password.get_secret_value()
    return config


def _login(settings: Settings) -> tuple[str, str]:
    if settings.sasl_username is None or settings.sasl_password is None:
        raise ValueError("a SASL protocol needs a user and a password")
    return settings.sasl_username, settings.sasl_password.get_secret_value()


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1_000)
