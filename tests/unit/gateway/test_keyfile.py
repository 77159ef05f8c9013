from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pipeline import settings
from pipeline.errors import RefusedError
from pipeline.gateway.keyfile import load_keyring
from pipeline.gateway.keyring import KeyRing

FIRST, SECOND = "first key " * 4, "second key " * 4


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("SESAME_PSEUDONYM_KEY", raising=False)
    monkeypatch.delenv("SESAME_PSEUDONYM_KEY_FILE", raising=False)
    return tmp_path


def written(folder: Path, text: str) -> Path:
    path = folder / "keys"
    path.write_text(text)
    return path


def subject(ring: KeyRing) -> str:
    return ring.subject("ann", "bikes", "BIKE_DEPOSIT")


def test_a_key_can_be_set_by_itself(data: Path) -> None:
    ring = load_keyring(settings.load(pseudonym_key=FIRST))

    assert subject(ring) == subject(KeyRing.of([FIRST]))
    assert not ring.former


def test_of_a_file_the_first_key_is_current_and_the_rest_are_former(data: Path) -> None:
    path = written(data, f"# since May\n{SECOND.strip()}\n\n  {FIRST}\n")

    ring = load_keyring(settings.load(pseudonym_key_file=path))

    assert subject(ring) == subject(KeyRing.of([SECOND.strip()]))
    assert ring.route(subject(KeyRing.of([FIRST.strip()]))) is not None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# nothing\n", "holds no key"),
        ("too short\n", "line 1: the key has 9 characters, needs at least 32"),
        (f"{'k' * 32}\n{'k' * 32}\n", "line 2: the key is there already"),
    ],
)
def test_a_wrong_file_is_refused_without_telling_a_key(data: Path, text: str, problem: str) -> None:
    path = written(data, text)

    with pytest.raises(RefusedError, match=problem) as refused:
        load_keyring(settings.load(pseudonym_key_file=path))

    assert "kkk" not in str(refused.value)
    assert "too short" not in str(refused.value)


def test_for_a_kafka_of_ones_own_a_key_is_made_once(data: Path) -> None:
    here = settings.load(bootstrap="localhost:9092,127.0.0.1:9093")

    first, again = load_keyring(here, make=True), load_keyring(here)

    (path,) = (data / "sesame").iterdir()
    assert subject(first) == subject(again)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_text().strip()) >= 32


def test_who_is_later_to_make_a_key_takes_the_one_that_is_there(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = settings.load(bootstrap="localhost:9092")
    ring = load_keyring(here, make=True)
    # Both looked before either had written.
    monkeypatch.setattr(Path, "exists", lambda _: False)

    assert subject(load_keyring(here, make=True)) == subject(ring)
    assert len(list((data / "sesame").iterdir())) == 1


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"bootstrap": "kafka.example:9092"},
        {"bootstrap": "localhost:9092,10.0.0.1:9092"},
        {
            "bootstrap": "localhost:9092",
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_username": "gateway",
            "sasl_password": "secret",
        },
    ],
)
def test_for_any_other_kafka_a_key_has_to_be_given(data: Path, elsewhere: dict[str, str]) -> None:
    with pytest.raises(RefusedError, match=r"SESAME_PSEUDONYM_KEY.*SESAME_PSEUDONYM_KEY_FILE"):
        load_keyring(settings.load(**elsewhere))

    assert not (data / "sesame").exists()


def test_a_key_that_is_made_is_told_with_its_place_and_how_to_set_one(data: Path) -> None:
    here = settings.load(bootstrap="localhost:9092")

    with capture_logs() as logged:
        load_keyring(here, make=True)
        load_keyring(here, make=True)

    (line,) = logged
    assert line["log_level"] == "warning"
    assert line["path"] == str(data / "sesame" / "pseudonym.key")
    assert "SESAME_PSEUDONYM_KEY or SESAME_PSEUDONYM_KEY_FILE" in line["instead"]


def test_only_who_is_to_make_a_key_makes_one(data: Path) -> None:
    here = settings.load(bootstrap="localhost:9092")

    with pytest.raises(RefusedError, match=r"pseudonym\.key .*SESAME_PSEUDONYM_KEY_FILE"):
        load_keyring(here)

    assert not (data / "sesame").exists()
