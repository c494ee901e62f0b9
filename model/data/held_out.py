"""Garment words that no training stage ever sees: what the evaluation asks to measure an open vocabulary."""

from __future__ import annotations

HELD_OUT_GARMENTS: tuple[str, ...] = (
    "saree",
    "poncho",
    "overalls",
    "jumpsuit",
    "kimono",
    "tunic",
    "apron",
    "sarong",
)
"""Names of terms of the vocabulary. None is a label of a training dataset or a wording that training asks."""
