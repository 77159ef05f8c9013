"""What ends a chaos run before its verdict."""

from pipeline.errors import SesameError


class ChaosError(SesameError):
    """A fault could not be brought about, or what it broke did not come back."""
