"""What the person at the command can put right: told in a line, without a traceback."""


class SesameError(Exception):
    """It went wrong; the message says what, and what would help. The command exits 1."""

    exit_code = 1


class RefusedError(SesameError):
    """It was asked wrongly: settings or arguments. The command exits 2."""

    exit_code = 2


class KafkaUnreachableError(SesameError):
    """No broker answered."""

    def __init__(self, bootstrap: str, reason: str) -> None:
        super().__init__(
            f"no Kafka answers at {bootstrap} ({reason}); SESAME_BOOTSTRAP says where it is and "
            "SESAME_SECURITY_PROTOCOL how to speak to it"
        )
