"""Fitting needs the optional group ``train``; figures and templates do not."""

from importlib.util import find_spec

FITTING = ["test_binning.py", "test_model_writer.py", "test_points.py", "test_weights.py"]

collect_ignore = [] if find_spec("optbinning") and find_spec("tomlkit") else FITTING
