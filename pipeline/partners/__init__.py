"""What partner services see of people who granted it, and what they decide on it."""
