"""A real single-node Kafka as a child process, for development, tests and the demo."""

from pipeline.dev.broker.errors import BrokerError
from pipeline.dev.broker.probe import wait_until_answering
from pipeline.dev.broker.process import EmbeddedBroker
from pipeline.dev.broker.secure import Security

__all__ = ["BrokerError", "EmbeddedBroker", "Security", "wait_until_answering"]
