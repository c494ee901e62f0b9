"""What can be asked for: garments, accessories and body parts, and how a request is worded."""

from model.vocabulary.prompts import wording
from model.vocabulary.taxonomy import DEFAULT, TERMS, canonical, exact, find, find_all, kind_of, path_of
from model.vocabulary.term import Term, covers

__all__ = [
    "DEFAULT",
    "TERMS",
    "Term",
    "canonical",
    "covers",
    "exact",
    "find",
    "find_all",
    "kind_of",
    "path_of",
    "wording",
]
