"""Training is an optional group of dependencies; without it there is nothing to test here."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("optbinning") else ["test_*.py"]
