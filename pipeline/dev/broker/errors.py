"""What goes wrong with a broker of one's own."""


class BrokerError(RuntimeError):
    """The broker cannot be had or started; the message says why and what would help."""
