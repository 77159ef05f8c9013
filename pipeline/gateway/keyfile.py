"""Where the keys of subjects come from: a setting, a file, or one made for this machine."""

import ipaddress
import os
import secrets
from pathlib import Path

import structlog

from pipeline.errors import RefusedError
from pipeline.gateway.keyring import KEY_CHARACTERS_MIN, KeyRing
from pipeline.settings import Settings, variable

_KEY_BYTES = 32
_BOTH = f"{variable('pseudonym_key')} or {variable('pseudonym_key_file')}"

log = structlog.get_logger()


def load_keyring(settings: Settings, *, make: bool = False) -> KeyRing:
    """The keys the settings name.

    Where they name none and Kafka is this machine's own, in clear, the one in the user's data
    folder counts: for development, so that gateway and commands agree.

    Args:
        settings: Name a key or a file of keys.
        make: Make the development key where it is missing; the gateway's to do, as a subject
            of a key it does not have is nobody's.

    Raises:
        RefusedError: There is no key, or the file is wrong.
    """
    if settings.pseudonym_key is not None:
        return KeyRing.of([settings.pseudonym_key.get_secret_value()])
    if settings.pseudonym_key_file is not None:
        return KeyRing.of(_read(settings.pseudonym_key_file))
    if not _is_own_machine(settings):
        raise RefusedError(
            f"there is no key to make subjects with: set {variable('pseudonym_key')}, or "
            f"{variable('pseudonym_key_file')} to a file of keys, one a line, the current first"
        )
    path = settings.data_dir / "pseudonym.key"
    if not make and not path.exists():
        raise RefusedError(
            f"{path} is not there yet: the gateway makes it at its first start, or {_BOTH} "
            "names a key"
        )
    try:
        _make_development_key(path)
    except OSError as error:
        raise RefusedError(f"no key could be made for this machine: {error}") from error
    return KeyRing.of(_read(path))


def _read(path: Path) -> list[str]:
    """The keys of a file, one a line; what is wrong is told without telling a key."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"{path}: cannot be read as text: {error}") from error
    keys: list[str] = []
    for number, line in enumerate(lines, 1):
        key = line.strip()
        if not key or key.startswith("#"):
            continue
        if len(key) < KEY_CHARACTERS_MIN:
            wrong = f"the key has {len(key)} characters, needs at least {KEY_CHARACTERS_MIN}"
            raise RefusedError(f"{path}: line {number}: {wrong}")
        if key in keys:
            raise RefusedError(f"{path}: line {number}: the key is there already")
        keys.append(key)
    if not keys:
        raise RefusedError(f"{path}: holds no key")
    return keys


def _is_own_machine(settings: Settings) -> bool:
    hosts = (broker.rpartition(":")[0] for broker in settings.brokers)
    return settings.security_protocol == "PLAINTEXT" and all(map(_is_loopback, hosts))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _make_development_key(path: Path) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written whole before it has its name, so that nobody reads half a key, and a name that
    # somebody else was quicker to give stays theirs.
    draft = path.with_suffix(f".{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123 - the mode from the start
        file.write(secrets.token_urlsafe(_KEY_BYTES) + "\n")
    try:
        path.hardlink_to(draft)
        log.warning("development key made", path=str(path), instead=f"set {_BOTH}")
    except FileExistsError:
        pass
    finally:
        draft.unlink()
