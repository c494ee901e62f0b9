"""Our taxonomy in Google's product categories.

Source: Google_Product_Taxonomy_Version 2021-09-21 (taxonomy-with-ids.en-US); ids and paths are as they stand
there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from service.tags.link import Entries, Link, entries, linked

_APPAREL = "Apparel & Accessories"
_CLOTHING = f"{_APPAREL} > Clothing"
_EXTRAS = f"{_APPAREL} > Clothing Accessories"
_CEREMONIAL = f"{_CLOTHING} > Traditional & Ceremonial Clothing"
_HAIR = f"{_EXTRAS} > Hair Accessories"
_UNDER = f"{_CLOTHING} > Underwear & Socks"
_JEWELRY = f"{_APPAREL} > Jewelry"
_BAGS = f"{_APPAREL} > Handbags, Wallets & Cases"
_LUGGAGE = "Luggage & Bags"

CATEGORIES: Mapping[int, str] = {
    166: _APPAREL,
    1604: _CLOTHING,
    5322: f"{_CLOTHING} > Activewear",
    3188: f"{_CLOTHING} > Activewear > Bicycle Activewear > Bicycle Shorts & Briefs",
    2271: f"{_CLOTHING} > Dresses",
    5182: f"{_CLOTHING} > One-Pieces",
    5250: f"{_CLOTHING} > One-Pieces > Jumpsuits & Rompers",
    7132: f"{_CLOTHING} > One-Pieces > Overalls",
    203: f"{_CLOTHING} > Outerwear",
    5506: f"{_CLOTHING} > Outerwear > Chaps",
    5598: f"{_CLOTHING} > Outerwear > Coats & Jackets",
    5909: f"{_CLOTHING} > Outerwear > Snow Pants & Suits",
    1831: f"{_CLOTHING} > Outerwear > Vests",
    204: f"{_CLOTHING} > Pants",
    212: f"{_CLOTHING} > Shirts & Tops",
    207: f"{_CLOTHING} > Shorts",
    1581: f"{_CLOTHING} > Skirts",
    6229: f"{_CLOTHING} > Skirts > Knee-Length Skirts",
    6228: f"{_CLOTHING} > Skirts > Long Skirts",
    2331: f"{_CLOTHING} > Skirts > Mini Skirts",
    208: f"{_CLOTHING} > Sleepwear & Loungewear",
    5513: f"{_CLOTHING} > Sleepwear & Loungewear > Nightgowns",
    2580: f"{_CLOTHING} > Sleepwear & Loungewear > Pajamas",
    2302: f"{_CLOTHING} > Sleepwear & Loungewear > Robes",
    1594: f"{_CLOTHING} > Suits",
    1580: f"{_CLOTHING} > Suits > Tuxedos",
    211: f"{_CLOTHING} > Swimwear",
    5388: _CEREMONIAL,
    6031: f"{_CEREMONIAL} > Dirndls",
    5674: f"{_CEREMONIAL} > Hakama Trousers",
    5678: f"{_CEREMONIAL} > Kimono Outerwear > Haori Jackets",
    5343: f"{_CEREMONIAL} > Kimonos",
    5483: f"{_CEREMONIAL} > Religious Ceremonial Clothing",
    8248: f"{_CEREMONIAL} > Saris & Lehengas",
    7281: f"{_CEREMONIAL} > Traditional Leather Pants",
    5676: f"{_CEREMONIAL} > Yukata",
    213: _UNDER,
    214: f"{_UNDER} > Bras",
    215: f"{_UNDER} > Hosiery",
    1675: f"{_UNDER} > Lingerie Accessories > Garters",
    209: f"{_UNDER} > Socks",
    2562: f"{_UNDER} > Underwear",
    5834: f"{_UNDER} > Underwear Slips",
    2306: f"{_CLOTHING} > Uniforms",
    4003: f"{_CLOTHING} > Uniforms > Sports Uniforms > Martial Arts Uniforms",
    2292: f"{_CLOTHING} > Uniforms > White Coats",
    5329: f"{_CLOTHING} > Wedding & Bridal Party Dresses > Wedding Dresses",
    167: _EXTRAS,
    5942: f"{_EXTRAS} > Arm Warmers & Sleeves",
    1786: f"{_EXTRAS} > Balaclavas",
    168: f"{_EXTRAS} > Bandanas & Headties",
    543586: f"{_EXTRAS} > Bandanas & Headties > Bandanas",
    169: f"{_EXTRAS} > Belts",
    193: f"{_EXTRAS} > Cufflinks",
    5114: f"{_EXTRAS} > Decorative Fans",
    6238: f"{_EXTRAS} > Earmuffs",
    170: f"{_EXTRAS} > Gloves & Mittens",
    171: _HAIR,
    502988: f"{_HAIR} > Hair Pins, Claws & Clips",
    5915: f"{_HAIR} > Hair Wreaths",
    1662: f"{_HAIR} > Headbands",
    5914: f"{_HAIR} > Tiaras",
    181: f"{_HAIR} > Wigs",
    5207: f"{_EXTRAS} > Handkerchiefs",
    173: f"{_EXTRAS} > Hats",
    7054: f"{_EXTRAS} > Headwear > Fascinators",
    5939: f"{_EXTRAS} > Headwear > Turbans",
    5941: f"{_EXTRAS} > Leg Warmers",
    6268: f"{_EXTRAS} > Leis",
    176: f"{_EXTRAS} > Neckties",
    499972: f"{_EXTRAS} > Sashes",
    177: f"{_EXTRAS} > Scarves & Shawls",
    543673: f"{_EXTRAS} > Scarves & Shawls > Scarves",
    543674: f"{_EXTRAS} > Scarves & Shawls > Shawls",
    178: f"{_EXTRAS} > Sunglasses",
    179: f"{_EXTRAS} > Suspenders",
    6277: f"{_APPAREL} > Handbag & Wallet Accessories > Lanyards",
    6551: _BAGS,
    3032: f"{_BAGS} > Handbags",
    2668: f"{_BAGS} > Wallets & Money Clips",
    188: _JEWELRY,
    189: f"{_JEWELRY} > Anklets",
    190: f"{_JEWELRY} > Body Jewelry",
    191: f"{_JEWELRY} > Bracelets",
    197: f"{_JEWELRY} > Brooches & Lapel Pins",
    192: f"{_JEWELRY} > Charms & Pendants",
    194: f"{_JEWELRY} > Earrings",
    196: f"{_JEWELRY} > Necklaces",
    200: f"{_JEWELRY} > Rings",
    201: f"{_JEWELRY} > Watches",
    187: f"{_APPAREL} > Shoes",
    4358: "Home & Garden > Parasols & Rain Umbrellas",
    5181: _LUGGAGE,
    100: f"{_LUGGAGE} > Backpacks",
    101: f"{_LUGGAGE} > Briefcases",
    103: f"{_LUGGAGE} > Duffel Bags",
    104: f"{_LUGGAGE} > Fanny Packs",
}
"""Those of Google's categories that something of ours leads to, with their full paths."""

_EXACT: Mapping[str, int] = {
    "clothing": 1604,
    "upper body/vest": 1831,
    "upper body/jacket/suit": 1594,
    "upper body/jacket/tuxedo": 1580,
    "upper body/jacket/haori": 5678,
    "upper body/coat/lab coat": 2292,
    "lower body/pants": 204,
    "lower body/pants/chaps": 5506,
    "lower body/shorts": 207,
    "lower body/skirt": 1581,
    "lower body/skirt/miniskirt": 2331,
    "lower body/skirt/maxi skirt": 6228,
    "lower body/hakama": 5674,
    "whole body/dress": 2271,
    "whole body/dress/wedding dress": 5329,
    "whole body/dress/dirndl": 6031,
    "whole body/overalls": 7132,
    "whole body/robe/bathrobe": 2302,
    "whole body/robe/kimono": 5343,
    "whole body/robe/kimono/yukata": 5676,
    "whole body/pyjamas": 2580,
    "whole body/nightgown": 5513,
    "whole body/uniform": 2306,
    "whole body/martial arts uniform": 4003,
    "legwear/stockings": 215,
    "legwear/socks": 209,
    "legwear/leg warmers": 5941,
    "underwear/bra": 214,
    "underwear/slip": 5834,
    "underwear/garter": 1675,
    "swimwear": 211,
    "footwear/shoes": 187,
    "accessories/bag/backpack": 100,
    "accessories/bag/belt bag": 104,
    "accessories/bag/briefcase": 101,
    "accessories/bag/duffel bag": 103,
    "accessories/headwear/hat": 173,
    "accessories/headwear/wig": 181,
    "accessories/headwear/turban": 5939,
    "accessories/headwear/headband": 1662,
    "accessories/headwear/bandana": 543586,
    "accessories/headwear/tiara": 5914,
    "accessories/headwear/flower crown": 5915,
    "accessories/headwear/fascinator": 7054,
    "accessories/headwear/balaclava": 1786,
    "accessories/headwear/earmuffs": 6238,
    "accessories/neckwear/scarf": 543673,
    "accessories/neckwear/scarf/shawl": 543674,
    "accessories/neckwear/tie": 176,
    "accessories/neckwear/lanyard": 6277,
    "accessories/belt": 169,
    "accessories/sash": 499972,
    "accessories/suspenders": 179,
    "accessories/handwear/arm warmers": 5942,
    "accessories/eyewear/glasses/sunglasses": 178,
    "accessories/watch": 201,
    "accessories/jewellery": 188,
    "accessories/jewellery/necklace": 196,
    "accessories/jewellery/necklace/lei": 6268,
    "accessories/jewellery/bracelet": 191,
    "accessories/jewellery/ring": 200,
    "accessories/jewellery/earrings": 194,
    "accessories/jewellery/anklet": 189,
    "accessories/jewellery/brooch": 197,
    "accessories/jewellery/cufflinks": 193,
}
_BROADER: Mapping[str, int] = {
    **dict.fromkeys(("upper body", "lower body", "whole body", "upper body/top/corset"), 1604),
    **dict.fromkeys(("upper body/top", "upper body/sweater"), 212),
    **dict.fromkeys(("upper body/outerwear", "upper body/coat/cape", "upper body/coat/poncho"), 203),
    **dict.fromkeys(("upper body/jacket", "upper body/coat"), 5598),
    "upper body/top/rash guard": 211,
    **dict.fromkeys(
        (
            *("upper body/top/choli", "upper body/top/kurta", "upper body/top/dashiki"),
            *("upper body/top/shirt/barong", "upper body/top/kebaya", "upper body/top/huipil"),
            *("upper body/coat/sherwani", "upper body/vest/nehru jacket", "upper body/jacket/tang suit"),
            *("lower body/pants/salwar", "lower body/dhoti", "lower body/sarong", "lower body/kanga"),
            *("lower body/skirt/kilt", "lower body/skirt/grass skirt", "whole body/salwar kameez"),
            *("whole body/dress/anarkali", "whole body/dress/kente dress", "whole body/dress/habesha kemis"),
            *("whole body/dress/cheongsam", "whole body/dress/ao dai", "whole body/dress/sarafan"),
            *("whole body/hanbok", "whole body/robe/abaya", "whole body/robe/burqa"),
            *("whole body/robe/thobe", "whole body/robe/kaftan", "whole body/robe/djellaba"),
            *("whole body/robe/boubou", "whole body/robe/hanfu"),
        ),
        5388,
    ),
    **dict.fromkeys(("whole body/saree", "lower body/skirt/lehenga"), 8248),
    "lower body/shorts/lederhosen": 7281,
    "lower body/shorts/cycling shorts": 3188,
    **dict.fromkeys(("whole body/jumpsuit", "whole body/dress/romper"), 5250),
    "whole body/dress/bodysuit": 5182,
    "whole body/onesie": 208,
    "whole body/scrubs": 2306,
    "whole body/habit": 5483,
    "whole body/tracksuit": 5322,
    "whole body/ski suit": 5909,
    **dict.fromkeys(("legwear", "accessories"), 166),
    "underwear": 213,
    **dict.fromkeys(("underwear/panties", "underwear/boxers"), 2562),
    "footwear": 187,
    **dict.fromkeys(
        (
            *("accessories/bag/purse", "accessories/bag/clutch", "accessories/bag/tote bag"),
            "accessories/bag/crossbody bag",
        ),
        3032,
    ),
    "accessories/bag": 6551,  # as its gloss has it; what is worn on the back or wheeled has entries below
    "accessories/bag/wallet": 2668,
    "accessories/bag/suitcase": 5181,
    "accessories/umbrella": 4358,
    "accessories/fan": 5114,
    **dict.fromkeys(("accessories/headwear", "accessories/neckwear", "accessories/handwear"), 167),
    "accessories/headwear/headscarf": 168,
    "accessories/headwear/headscarf/hijab": 167,
    "accessories/headwear/headscarf/niqab": 167,
    "accessories/headwear/hair clip": 502988,
    "accessories/headwear/hair bow": 171,
    "accessories/headwear/bindi": 166,
    "accessories/neckwear/scarf/dupatta": 177,
    **dict.fromkeys(("accessories/neckwear/bow tie", "accessories/neckwear/ascot"), 176),
    "accessories/neckwear/pocket square": 5207,
    **dict.fromkeys(("accessories/handwear/gloves", "accessories/handwear/mittens"), 170),
    "accessories/jewellery/necklace/pendant": 192,
    **dict.fromkeys(
        (
            *("accessories/jewellery/nose ring", "accessories/jewellery/piercing"),
            "accessories/jewellery/belly chain",
        ),
        190,
    ),
}
_NONE: Sequence[str] = (
    # Not sold as clothing: sports and safety gear, kitchen linen, electronics, aids.
    *("upper body/vest/life jacket", "swimwear/wetsuit", "footwear/shoes/skates", "accessories/knee pads"),
    *("accessories/headwear/helmet", "accessories/headwear/headphones", "accessories/headwear/mask"),
    *("accessories/eyewear/goggles", "accessories/phone", "accessories/cane", "whole body/apron"),
    *("whole body/armor", "whole body/space suit"),
    "accessories/headwear/hood",  # a part of a garment
    *("accessories/eyewear", "accessories/eyewear/glasses"),  # theirs are under vision care
    *("body", "person"),
)

ENTRIES: Entries = entries(_EXACT, _BROADER, _NONE)


SKIRTS: Mapping[str, int] = {"short": 2331, "knee": 6229, "long": 6228}
"""The categories that Google has for skirts of each length."""


def google(path: Sequence[str], length: str | None = None) -> Link | None:
    """The Google product category of a taxonomy path, with its full path as the name; None for none.

    length: of the garment, where it is known; it decides between Google's categories of skirts.
    """
    if length is not None and tuple(path) == ("lower body", "skirt"):
        return Link(SKIRTS[length], CATEGORIES[SKIRTS[length]], "exact")
    return linked(path, ENTRIES, CATEGORIES)
