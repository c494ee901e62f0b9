"""From what a caller asks to the sentences that the text encoder reads."""

from __future__ import annotations

from model.vocabulary.taxonomy import find_all
from model.vocabulary.words import tidy, with_article


def wording(phrase: str, *, gloss: bool) -> str:
    """The prompt sentence of a phrase: 'a photo of a red saree'.

    With `gloss` the description of the phrase's term follows ('a photo of trousers, a garment from the
    waist ...'), so that every synonym lands near the wording the network was trained with.
    """
    plain = tidy(phrase)
    if not plain:
        raise ValueError(f"an empty prompt cannot be asked: {phrase!r}")
    sentence = f"a photo of {with_article(plain)}"
    glosses = [term.gloss for term in find_all(phrase)] if gloss else []
    return ", ".join([sentence, " or ".join(glosses)]) if glosses else sentence
