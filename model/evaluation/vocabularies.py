"""The vocabularies that an evaluation asks, and how CCP's labels map onto them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model.data.ccp import BODY, IGNORE, LABELS

BACKGROUND = "background"


@dataclass(frozen=True, slots=True)
class EvaluationVocabulary:
    """Prompts asked of the parser, and the truth labels that each stands for.

    Class 0 is background, class i is `prompts[i - 1]` with `labels[i - 1]` as its labels in the dataset and
    `classes[i - 1]` as the name under which it is reported: wording may change, the class does not.
    """

    name: str
    classes: tuple[str, ...]
    prompts: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        if not len(self.classes) == len(self.prompts) == len(self.labels):
            raise ValueError(f"{self.name}: {len(self.classes)} classes, {len(self.prompts)} prompts")
        flat = [label for labels in self.labels for label in labels]
        if len(set(flat)) != len(flat) or not set(flat) <= set(LABELS):
            raise ValueError(f"{self.name}: labels repeated or unknown: {flat}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all classes by id, background first."""
        return (BACKGROUND, *self.classes)

    def class_of_prompt(self, prompt: str) -> int:
        """Class that an answer with this label belongs to; ValueError for what was not asked.

        Where 'skin' was asked, its parts answer for it too.
        """
        if prompt in BODY and prompt not in self.prompts and "skin" in self.prompts:
            prompt = "skin"
        if prompt not in self.prompts:
            raise ValueError(f"{self.name} does not ask {prompt!r}")
        return self.prompts.index(prompt) + 1

    def class_of_label(self, label: str) -> int:
        """Class of a CCP label: 0 for 'null', IGNORE for a label that no prompt stands for."""
        if label == LABELS[0]:
            return 0
        return next((i for i, labels in enumerate(self.labels, 1) if label in labels), IGNORE)

    def truth(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """labels (H, W) of CCP -> classes (H, W), IGNORE where it is unknown or outside the vocabulary."""
        table = np.full(256, IGNORE, np.uint8)
        table[: len(LABELS)] = [self.class_of_label(label) for label in LABELS]
        return table[labels]


_CCP19: dict[str, tuple[str, ...]] = {
    "hair": ("hair",),
    "skin": ("skin",),
    "shoes": ("shoes", "sandals", "boots", "loafers", "heels", "sneakers", "pumps", "flats", "wedges"),
    "bag": ("bag", "purse", "wallet"),
    "pants": ("pants", "jeans", "leggings"),
    "dress": ("dress", "romper", "bodysuit"),
    "coat": ("coat", "cape"),
    "jacket": ("jacket", "blazer", "suit"),
    "top": ("blouse", "shirt", "t-shirt", "top"),
    "sweater": ("sweater", "sweatshirt", "jumper", "cardigan", "hoodie"),
    "vest": ("vest",),
    "skirt": ("skirt",),
    "shorts": ("shorts",),
    "stockings": ("stockings", "tights"),
    "hat": ("hat",),
    "scarf": ("scarf",),
    "belt": ("belt",),
    "sunglasses": ("sunglasses", "glasses"),
    "socks": ("socks",),
}

SYNONYMS: dict[str, str] = {
    "pants": "trousers",
    "bag": "handbag",
    "sunglasses": "spectacles",
    "sweater": "pullover",
    "top": "blouse and shirt",
}
"""Class -> a wording that training never shows."""

CCP19 = EvaluationVocabulary("ccp19", tuple(_CCP19), tuple(_CCP19), tuple(_CCP19.values()))
CCP19_SYNONYMS = replace(
    CCP19, name="ccp19-synonyms", prompts=tuple(SYNONYMS.get(name, name) for name in CCP19.classes)
)
VOCABULARIES: dict[str, EvaluationVocabulary] = {v.name: v for v in (CCP19, CCP19_SYNONYMS)}


def vocabulary(name: str) -> EvaluationVocabulary:
    """The vocabulary of this name; ValueError lists those there are."""
    if name not in VOCABULARIES:
        raise ValueError(f"no vocabulary {name!r}; there are {sorted(VOCABULARIES)}")
    return VOCABULARIES[name]
