"""A real single-node Kafka as a child process, for development, tests and the demo."""

from pipeline.dev.broker.errors import BrokerError
from pipeline.dev.broker.process import EmbeddedBroker

__all__ = ["BrokerError", "EmbeddedBroker"]
