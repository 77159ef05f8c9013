import struct

import pytest

from pipeline.dev.chaos.groups import generation_of


def key(version: int, group: str) -> bytes:
    return struct.pack(">hh", version, len(group)) + group.encode()


def text(value: str | None) -> bytes:
    return (
        struct.pack(">h", -1) if value is None else struct.pack(">h", len(value)) + value.encode()
    )


def metadata(generation: int, leader: str | None) -> bytes:
    """A group's metadata as coordinators write it up to version 3."""
    return (
        struct.pack(">h", 3)
        + text("consumer")
        + struct.pack(">i", generation)
        + text("range" if leader else None)
        + text(leader)
        + struct.pack(">q", 1)
    )


def flexible(generation: int, leader: str | None) -> bytes:
    """The same from version 4 on: lengths are one more and one byte, 0 for null."""

    def compact(value: str | None) -> bytes:
        return b"\0" if value is None else bytes([len(value) + 1]) + value.encode()

    return (
        struct.pack(">h", 4)
        + compact("consumer")
        + struct.pack(">i", generation)
        + compact("range" if leader else None)
        + compact(leader)
    )


@pytest.mark.parametrize("written", [metadata, flexible])
def test_a_led_group_tells_its_generation(written: object) -> None:
    assert callable(written)
    assert generation_of(key(2, "a.sesame"), written(7, "member-1")) == ("a.sesame", 7)


@pytest.mark.parametrize("written", [metadata, flexible])
def test_a_group_without_members_has_no_assignment(written: object) -> None:
    assert callable(written)
    assert generation_of(key(2, "a.sesame"), written(8, None)) is None


def test_a_committed_offset_is_no_generation() -> None:
    assert generation_of(key(1, "a.sesame") + text("payments"), b"\0\3") is None
