"""From an event's intended send time to the score a partner can read, under open-loop load."""
