"""Datasets: what is on disk, as plain arrays."""
