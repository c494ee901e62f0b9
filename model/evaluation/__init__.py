"""Evaluation: tasks, metrics and reports, through the same door that serves."""
