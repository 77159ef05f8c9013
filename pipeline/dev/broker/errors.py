"""What goes wrong with a broker of one's own."""

from pipeline.errors import SesameError


class BrokerError(SesameError):
    """The broker cannot be had or started; the message says why and what would help."""
