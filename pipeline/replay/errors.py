"""Why a replay cannot be done; told in a line, the live state is untouched."""

from pipeline.errors import SesameError

_ARCHIVE = "an archive of it (`sesame archive`) from before would do, with --archive"


class ReplayError(SesameError):
    """The replay cannot go on."""


class RecordsGoneError(ReplayError):
    """Records that have to be folded are neither on the broker nor in the archive."""

    def __init__(self, topic: str, partition: int, first: int, found: int | None) -> None:
        rest = "nothing is left from there" if found is None else f"what is left begins at {found}"
        super().__init__(
            f"{topic}, partition {partition}, is needed from offset {first} on, and {rest}; "
            f"{_ARCHIVE}"
        )


class JournalError(ReplayError):
    """The journal does not say how the inputs were cut into transactions."""

    def __init__(self, partition: int, why: str) -> None:
        super().__init__(
            f"the journal of partition {partition} does not tell the whole way: {why}; "
            "the state can be built anew from where it does only"
        )


class NotJournaledError(JournalError):
    """The journal ends, and was nowhere at the position that is looked for."""
