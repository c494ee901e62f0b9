"""What may be wrong with files that a network is loaded from."""

from __future__ import annotations


class CheckpointError(ValueError):
    """A checkpoint is missing, broken, or of another shape than its config says."""
