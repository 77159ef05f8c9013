"""Faust's broker address and credentials, from the settings."""

import faust
from faust.auth import Credentials
from yarl import URL

from pipeline.kafka import ssl_context
from pipeline.settings import Settings


def faust_brokers(settings: Settings) -> list[URL]:
    """The value of Faust's ``broker`` setting."""
    return [URL(f"aiokafka://{broker}") for broker in settings.brokers]


def faust_credentials(settings: Settings) -> Credentials | None:
    """The value of Faust's ``broker_credentials`` setting; None where nothing is secured."""
    context = ssl_context(settings)
    if settings.uses_sasl:
        password = settings.sasl_password
        return faust.SASLCredentials(
            username=settings.sasl_username,
            password=password.get_secret_value() if password else None,
            mechanism=settings.sasl_mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context else None
