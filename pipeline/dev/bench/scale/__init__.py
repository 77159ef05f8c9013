"""How cost grows: with workers, people, partitions, and keys that are not alike."""
