"""Our taxonomy in Fashionpedia's categories.

Source: Jia et al., 'Fashionpedia: Ontology, Segmentation, and an Attribute Localization Dataset', ECCV 2020;
ids and names as in the `categories` of instances_attributes_val2020.json (release 1.0).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from service.tags.link import Entries, Link, entries, linked

CATEGORIES: Mapping[int, str] = dict(
    enumerate(
        (
            *("shirt, blouse", "top, t-shirt, sweatshirt", "sweater", "cardigan", "jacket", "vest", "pants"),
            *("shorts", "skirt", "coat", "dress", "jumpsuit", "cape", "glasses", "hat"),
            *("headband, head covering, hair accessory", "tie", "glove", "watch", "belt", "leg warmer"),
            *("tights, stockings", "sock", "shoe", "bag, wallet", "scarf", "umbrella", "hood", "collar"),
            *("lapel", "epaulette", "sleeve", "pocket", "neckline", "buckle", "zipper", "applique", "bead"),
            *("bow", "flower", "fringe", "ribbon", "rivet", "ruffle", "sequin", "tassel"),
        )
    )
)
"""All 46; from 27 on they are parts of garments and decorations."""

_EXACT: Mapping[str, int] = {
    "upper body/sweater": 2,
    "upper body/sweater/cardigan": 3,
    "upper body/jacket": 4,
    "upper body/vest": 5,
    "upper body/coat": 9,
    "upper body/coat/cape": 12,
    "lower body/pants": 6,
    "lower body/shorts": 7,
    "lower body/skirt": 8,
    "whole body/dress": 10,
    "whole body/jumpsuit": 11,
    "legwear/stockings": 21,
    "legwear/socks": 22,
    "legwear/leg warmers": 20,
    "footwear/shoes": 23,
    "accessories/umbrella": 26,
    "accessories/headwear/hat": 14,
    "accessories/headwear/hood": 27,
    "accessories/neckwear/scarf": 25,
    "accessories/neckwear/tie": 16,
    "accessories/belt": 19,
    "accessories/handwear/gloves": 17,
    "accessories/eyewear/glasses": 13,
    "accessories/watch": 18,
}
_BROADER: Mapping[str, int] = {
    "upper body/top/blouse": 0,
    "upper body/top/shirt": 0,
    "upper body/top": 1,
    "upper body/sweater/sweatshirt": 1,
    "upper body/sweater/hoodie": 1,
    "upper body/coat/poncho": 12,
    "lower body/hakama": 6,
    "whole body/dress/romper": 11,
    "whole body/overalls": 11,
    "accessories/bag": 24,
    **dict.fromkeys(
        (
            *("accessories/headwear/headscarf", "accessories/headwear/turban"),
            *("accessories/headwear/keffiyeh", "accessories/headwear/veil", "accessories/headwear/headband"),
            *("accessories/headwear/bandana", "accessories/headwear/tiara"),
            *("accessories/headwear/flower crown", "accessories/headwear/hair clip"),
            *("accessories/headwear/hair bow", "accessories/headwear/fascinator"),
            "accessories/headwear/balaclava",
        ),
        15,
    ),
    "accessories/neckwear/bow tie": 16,
    "accessories/neckwear/ascot": 16,
    "accessories/handwear/mittens": 17,
}
_NONE: Sequence[str] = (
    # Groups that several of their categories share.
    *("clothing", "upper body", "lower body", "whole body", "legwear", "accessories", "footwear"),
    # A jacket and trousers.
    *("upper body/jacket/suit", "upper body/jacket/tuxedo", "upper body/outerwear"),
    "upper body/vest/life jacket",
    "lower body/pants/chaps",
    "whole body/dress/bodysuit",
    # It has neither underwear nor what one swims in.
    *("underwear", "swimwear", "footwear/shoes/skates", "accessories/bag/suitcase"),
    *("body", "person"),
)

ENTRIES: Entries = entries(_EXACT, _BROADER, _NONE)


def fashionpedia(path: Sequence[str]) -> Link | None:
    """The Fashionpedia category of a taxonomy path; None where it has none."""
    return linked(path, ENTRIES, CATEGORIES)
