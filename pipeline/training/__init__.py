"""Fits scorecards: bins, weights, points, and the figures that say how good they are."""
