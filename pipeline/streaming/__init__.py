"""The stream: Faust by batches, partition state with its changelog, transactions."""
