"""What can be asked for: garments, accessories and body parts, and how a request is worded."""

from model.vocabulary.phrases import key_phrases
from model.vocabulary.prompts import Asked, AskedTerm, resolve, wording
from model.vocabulary.taxonomy import (
    BODY_PARTS,
    DEFAULT,
    TERMS,
    canonical,
    exact,
    find,
    find_all,
    kind_of,
    path_of,
)
from model.vocabulary.term import Term, covers

__all__ = [
    "BODY_PARTS",
    "DEFAULT",
    "TERMS",
    "Asked",
    "AskedTerm",
    "Term",
    "canonical",
    "covers",
    "exact",
    "find",
    "find_all",
    "key_phrases",
    "kind_of",
    "path_of",
    "resolve",
    "wording",
]
