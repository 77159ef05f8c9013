"""Data files that ship with the package: the Avro schemas, the partner registry.

In a checkout they lie in their own folders; a wheel carries them inside the package.
"""

from pathlib import Path

_PACKAGE = Path(__file__).parent
_WHEEL = _PACKAGE / "_data"


def schemas_dir() -> Path:
    """Folder of the ``<Record>.v<version>.avsc`` files."""
    return _data("schemas", _PACKAGE.parent / "schemas")


def partners_file() -> Path:
    """The partner registry that comes with the package."""
    return _data("partners.toml", _PACKAGE.parent / "deploy" / "partners.toml")


def broker_jars_lock() -> Path:
    """Hashed list of the jars a broker of one's own runs on."""
    return _data("jars.lock", _PACKAGE.parent / "deploy" / "broker" / "jars.lock")


def _data(name: str, in_checkout: Path) -> Path:
    in_wheel = _WHEEL / name
    return in_wheel if in_wheel.exists() else in_checkout
