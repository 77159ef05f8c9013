"""Dead letters: read, chosen, shown, and sent back to the topics they came from, once each."""
