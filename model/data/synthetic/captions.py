"""Captions: who wears what, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from model.data.synthetic.scene import Worn

PLURAL = frozenset(
    (
        *(
            "boots",
            "clogs",
            "earrings",
            "flats",
            "glasses",
            "gloves",
            "heels",
            "jeans",
            "leggings",
            "loafers",
        ),
        *("overalls", "panties", "pants", "pumps", "sandals", "shoes", "shorts", "sneakers", "socks"),
        *("stockings", "sunglasses", "swimwear", "tights", "wedges"),
    )
)


def caption_of(woman: bool, worn: Sequence[Worn]) -> str:
    """'a woman in a red striped t-shirt, blue jeans and white sneakers': each once, outermost first."""
    who = "a woman" if woman else "a man"
    phrases = list(dict.fromkeys(phrase(w) for w in reversed(worn)))
    return f"{who} in {listed(phrases)}" if phrases else who


def phrase(worn: Worn) -> str:
    """'a red striped t-shirt', 'blue jeans'."""
    words = [worn.color, worn.pattern if worn.pattern != "plain" else "", worn.name]
    text = " ".join(word for word in words if word)
    if worn.name in PLURAL:
        return text
    return f"{'an' if text[0] in 'aeiou' else 'a'} {text}"


def listed(phrases: Sequence[str]) -> str:
    """'a, b and c'."""
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} and {phrases[-1]}"
