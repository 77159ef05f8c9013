"""Throughput beside other ways of doing the same, and the time a restore takes."""
