"""Other people's stream processors on the same work, and the comparison of them all."""
