"""Data files that ship with the package: the Avro schemas, the partner registry.

In a checkout they lie in their own folders; a wheel carries them inside the package.
"""

from pathlib import Path

_WHEEL = Path(__file__).parent / "_data"
_ROOT = _WHEEL if _WHEEL.is_dir() else Path(__file__).parent.parent


def schemas_dir() -> Path:
    """Folder of the ``<Record>.v<version>.avsc`` files."""
    return _ROOT / "schemas"


def partners_file() -> Path:
    """The partner registry that comes with the package."""
    return _ROOT / "deploy" / "partners.toml"


def broker_jars_lock() -> Path:
    """Hashed list of the jars a broker of one's own runs on."""
    return _ROOT / "deploy" / "broker" / "jars.lock"
