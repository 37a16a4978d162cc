"""Fits a Decision on held-out rows: calibrated probabilities, thresholds, an unknown answer."""
