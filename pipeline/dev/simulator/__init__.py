"""A seeded population with a hidden propensity, and the events its life leaves behind."""

from pipeline.dev.simulator.history import Events, History, simulate
from pipeline.dev.simulator.spec import Spec

__all__ = ["Events", "History", "Spec", "simulate"]
