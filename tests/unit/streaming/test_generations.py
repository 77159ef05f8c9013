import pytest

from pipeline import topics
from pipeline.streaming.generations import decode, pointer
from pipeline.streaming.layouts import UnreadableRowError


def test_a_pointer_names_its_partition_and_reads_back_as_its_generation() -> None:
    key, value = pointer(3, 7)
    assert key == b"3"
    assert value is not None
    assert decode(value) == 7


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (b"7", "cannot be read"),
        (b"{", "cannot be read"),
        (b'{"layout": 1}', "cannot be read"),
        (b'{"layout": 2, "generation": 1}', "layout 2"),
        (b'{"layout": 1, "generation": 0}', "no number from 1 on"),
        (b'{"layout": 1, "generation": true}', "no number from 1 on"),
        (b'{"layout": 1, "generation": "2"}', "no number from 1 on"),
    ],
)
def test_what_is_no_pointer_is_refused(value: bytes, problem: str) -> None:
    with pytest.raises(UnreadableRowError, match=problem):
        decode(value)


def test_changelogs_and_generations_name_each_other() -> None:
    for generation in (1, 2, 10):
        assert topics.generation_of(topics.changelog_of(generation).name) == generation
    for name in ("factor-state-changelog.g", "factor-state-changelog.g01", "gateway-changelog"):
        assert topics.generation_of(name) is None


def test_a_later_changelog_is_kept_as_the_first_is() -> None:
    assert topics.changelog_of(2).config() == topics.CHANGELOG.config()
