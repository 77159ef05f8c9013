"""The faults, a class each."""
