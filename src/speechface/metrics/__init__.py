"""Scores of predicted against reference animation."""
