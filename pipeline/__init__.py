"""Sesame: an open streaming credit-score pipeline."""
