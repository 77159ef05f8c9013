"""Inputs and journal in Parquet files, for replays beyond what the topics keep."""
