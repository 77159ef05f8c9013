"""What holds a partition's people: in memory or on disk, with checkpoints to restart from."""
