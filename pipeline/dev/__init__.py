"""For development and demonstration: a broker, a population, the demo."""
