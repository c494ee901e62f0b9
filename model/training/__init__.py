"""Stages, losses and the loop that trains the network."""
