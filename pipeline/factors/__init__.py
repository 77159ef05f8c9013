"""Factor state per person: what is kept, how events fold into it, what is computed of it."""
