"""Every setting: a ``SESAME_*`` variable with its default and its bounds.

A wrong value is refused at start with the variable's name, the value and what is allowed;
secrets never appear in clear.
"""

from pipeline.settings.fields import MASK, PORT_MAX, PREFIX, SettingsError, variable
from pipeline.settings.loading import is_secret, load, unknown_variables
from pipeline.settings.model import Settings, allowed

__all__ = [
    "MASK",
    "PORT_MAX",
    "PREFIX",
    "Settings",
    "SettingsError",
    "allowed",
    "is_secret",
    "load",
    "unknown_variables",
    "variable",
]
