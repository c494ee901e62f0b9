"""English surface of a phrase: folding, singular and plural, articles."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache


def listed(text: str) -> tuple[str, ...]:
    """The entries of a comma-separated list, at any line length."""
    return tuple(" ".join(item.split()) for item in text.split(","))


_IRREGULAR = {
    "feet": "foot",
    "teeth": "tooth",
    "men": "man",
    "women": "woman",
    "children": "child",
    "scarves": "scarf",
    "saris": "sari",
    "calves": "calf",
    "people": "person",
}
_PLURALS = {one: many for many, one in _IRREGULAR.items()}

# Words that look plural and have no singular of the same meaning ('glass', 'tight', 'short', 'brief').
PLURAL_ONLY = frozenset(
    listed(
        "bermudas, bottoms, boxers, breeches, briefs, chaps, chinos, clothes, corduroys, culottes, denims,"
        "dungarees, flats, galoshes, glasses, goggles, heels, intimates, jeans, jeggings, joggers, khakis,"
        "knickers, leggings, nylons, overalls, pajamas, panties, pants, pumps, pyjamas, scrubs, shades,"
        "shorts, slacks, specs, spectacles, stilettos, sunglasses, sweatpants, tights, trainers, trousers,"
        "trunks, underclothes, underpants"
    )
)
# Words that end in s and are singular, or are both.
_SINGULAR_S = frozenset(listed("abs, lens, canvas, keds, pelvis, tennis"))
# Words that are never counted.
_MASS = frozenset(
    listed(
        "hair, skin, clothing, footwear, headwear, headgear, eyewear, neckwear, handwear, knitwear, swimwear,"
        "beachwear, underwear, lingerie, hosiery, jewellery, jewelry, legwear, sportswear, activewear,"
        "apparel, makeup, stubble, pantyhose, denim, lace, leather, fur, sox, outerwear, intimate, wear,"
        "lederhosen, geta, culottes,"
        "attire, luggage, armor, armour, chainmail, barefoot, wavy, curly, bald, loungewear, sleepwear,"
        "nightwear"
    )
)
_WHOLE_IES = frozenset(
    listed("booties, hoodies, ties, beanies, onesies, bowties, neckties, undies, hankies, wellies, hotties")
)
_DETERMINER = re.compile(
    r"^(?:(?:a|an|the|some|any|this|that|these|those|her|his|their|my|your|its)\s+)+(?=\S)"
)
_APOSTROPHE = "['\u2019`]"
_HYPHEN = "[-_\u2010-\u2015]"
_MEASURE = re.compile(r"^(?:pair|pairs|set|piece|kind|type|bit)\s+of\s+(?=\S)")


def tidy(phrase: str) -> str:
    """The phrase in lower case, one space between words, without its article: what a prompt says."""
    text = " ".join(unicodedata.normalize("NFKC", phrase).casefold().split()).strip(' .,;:!?"')
    return _MEASURE.sub("", _DETERMINER.sub("", text))


@lru_cache(maxsize=8192)
def fold(phrase: str) -> str:
    """The phrase as it is looked up: tidied, without hyphens and apostrophes.

    'A  pair of Button-Down SHIRTS' -> 'button down shirts'.
    """
    text = re.sub(_APOSTROPHE + r"s\b|" + _APOSTROPHE, "", tidy(phrase))
    return " ".join(re.sub(_HYPHEN, " ", text).split())


def singular(word: str) -> str:
    """The singular of one folded word; the word itself where it has none."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word in PLURAL_ONLY or word in _SINGULAR_S or len(word) < 4 or not word.endswith("s"):
        return word
    if word.endswith(("ss", "us")):
        return word
    if word.endswith("ies"):
        return word[:-1] if word in _WHOLE_IES else word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    return word[:-1]


def plural(word: str) -> str:
    """The plural of one folded word; the word itself where it is plural or is never counted."""
    if word in _PLURALS:
        return _PLURALS[word]
    if word in PLURAL_ONLY or word in _MASS or singular(word) != word:
        return word
    if word.endswith(("s", "sh", "ch", "x", "z")):
        return word + "es"
    if word.endswith("y") and word[-2:-1] not in set("aeiou"):
        return word[:-1] + "ies"
    return word + "s"


def takes_article(phrase: str) -> bool:
    """Whether a folded noun phrase wants 'a' or 'an': one countable thing."""
    head = re.split("[ -]", phrase)[-1]
    return bool(head) and head not in _MASS and head not in PLURAL_ONLY and singular(head) == head


def with_article(phrase: str) -> str:
    """'red saree' -> 'a red saree', 'umbrella' -> 'an umbrella', 'jeans' -> 'jeans'."""
    if not takes_article(phrase):
        return phrase
    vowel = re.match(r"(?!uni(?!n)|us[ei]|uti|eu|ewe|one|once)[aeiou]|hour|heir|honest", phrase)
    return f"{'an' if vowel else 'a'} {phrase}"
