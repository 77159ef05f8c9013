"""A real single-node Kafka as a child process, for development, tests and the demo."""

from pipeline.dev.broker.errors import BrokerError
from pipeline.dev.broker.process import EmbeddedBroker, wait_until_answering

__all__ = ["BrokerError", "EmbeddedBroker", "wait_until_answering"]
