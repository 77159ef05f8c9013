"""Client configurations from the settings, one function a client library.

All of them carry the same brokers, time limit, login and certificates.
"""

import ssl
from typing import Any

from pipeline.settings import Settings


def ssl_context(settings: Settings) -> ssl.SSLContext | None:
    """The TLS side of connections to the brokers; None where they are not encrypted."""
    if not settings.uses_tls:
        return None
    context = ssl.create_default_context(cafile=settings.tls_ca)
    context.check_hostname = settings.tls_check_hostname
    if settings.tls_cert is not None:
        password = settings.tls_key_password
        context.load_cert_chain(
            settings.tls_cert,
            settings.tls_key,
            password.get_secret_value() if password else None,
        )
    return context


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
    if settings.tls_ca is not None:
        config["ssl.ca.location"] = str(settings.tls_ca)
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
