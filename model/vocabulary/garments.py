"""Terms of everyday garments: upper body, lower body, whole body, legs, underwear, swimming."""

from __future__ import annotations

from functools import partial

from model.vocabulary.term import Term, entry

_worn = partial(entry, "clothing")

UPPER: tuple[Term, ...] = (
    _worn("upper body", "any garment that covers chest, back and arms", "upper clothes", "upper clothing",
          "upper garment", "upper body garment", "upper body", "upper body clothes",
          name="upper body clothing"),
    _worn("upper body/top", "a light garment for the upper body, worn next to the skin", "shirt top",
          "upper wear"),
    _worn("upper body/top/blouse", "a loose light women's shirt for the upper body, often with soft sleeves",
          "peasant blouse"),
    _worn("upper body/top/shirt", "a woven garment for the upper body with collar, buttons and sleeves",
          "button up", "button down", "button up shirt", "button down shirt", "dress shirt", "collared shirt",
          "oxford shirt"),
    _worn("upper body/top/t-shirt", "a plain knitted cotton top with short sleeves and a round neck", "tee",
          "tshirt", "tee shirt", "graphic tee"),
    _worn("upper body/sweater", "a warm knitted garment with long sleeves, pulled over the upper body",
          "pullover", "jumper", "knitwear", "jersey", "knit sweater"),
    _worn("upper body/sweater/sweatshirt", "a thick soft cotton pullover with long sleeves and ribbed cuffs",
          "crewneck sweatshirt", "sweat shirt"),
    _worn("upper body/sweater/cardigan", "a knitted sweater that opens down the front, with buttons",
          "knit jacket", "cardi"),
    _worn("upper body/sweater/hoodie", "a soft sweatshirt with a hood and a front pocket",
          "hooded sweatshirt", "hoody", "hooded sweater"),
    _worn("upper body/vest", "a sleeveless garment worn over a shirt on the chest, open at the arms",
          "waistcoat", "gilet", "body warmer", "sleeveless jacket"),
    _worn("upper body/jacket", "a short outer garment for the upper body with sleeves and a front opening",
          "outer jacket"),
    _worn("upper body/jacket/blazer", "a tailored jacket with lapels and buttons, worn over a shirt",
          "sport coat", "suit jacket", "tailored jacket", "sports jacket"),
    _worn("upper body/jacket/suit", "a tailored formal jacket with matching trousers of one cloth",
          "two piece suit", "business suit", "pantsuit", "pant suit", "three piece suit"),
    _worn("upper body/coat", "a long warm outer garment with sleeves, worn over clothes down to the knees",
          "overcoat", "winter coat", "topcoat", "greatcoat"),
    _worn("upper body/coat/cape", "a loose sleeveless outer cloth hanging from the shoulders over the back",
          "cloak", "capelet"),
)

LOWER: tuple[Term, ...] = (
    _worn("lower body", "any garment that covers hips and legs", "bottoms", "lower clothes", "lower clothing",
          "lower garment", "lower body garment", "lower body", "lower body clothes",
          name="lower body clothing"),
    _worn("lower body/pants", "a garment from the waist to the ankles that covers each leg separately",
          "trousers", "slacks", "pant", "trouser", "long pants"),
    _worn("lower body/pants/jeans", "blue trousers of sturdy denim cotton with seams and pockets", "jean",
          "denim pants", "blue jeans", "denim trousers", "denims", "skinny jeans"),
    _worn("lower body/pants/leggings", "tight stretchy trousers that cling to the legs", "legging",
          "jeggings", "tight pants"),
    _worn("lower body/skirt", "a garment that hangs from the waist around both legs", "overskirt"),
    _worn("lower body/shorts", "short trousers that end above the knee and leave the legs bare",
          "short pants", "bermudas", "bermuda shorts", "short trousers"),
)

WHOLE: tuple[Term, ...] = (
    _worn("whole body", "one outfit that covers upper and lower body in a single piece", "one piece",
          "one piece outfit", "whole body clothes", "full body clothing", name="whole body clothing"),
    _worn("whole body/dress", "a one-piece garment with a bodice and a skirt, from the shoulders to the legs",
          "frock", "one piece dress"),
    _worn("whole body/dress/romper", "a one-piece garment of a top joined to shorts", "playsuit",
          "romper suit"),
    _worn("whole body/dress/bodysuit", "a tight one-piece garment over the torso, closed between the legs",
          "leotard", "body suit"),
    _worn("whole body/jumpsuit", "a one-piece garment of a top joined to long trousers", "jump suit",
          "catsuit"),
)

LEGWEAR: tuple[Term, ...] = (
    _worn("legwear/stockings", "thin close-fitting knitted covers of the legs from foot to thigh", "hosiery",
          "nylons", "stocking"),
    _worn("legwear/stockings/tights", "a thin sheer knitted garment covering legs and hips", "pantyhose",
          "panty hose"),
    _worn("legwear/socks", "short knitted covers of foot and ankle, worn inside shoes", "ankle socks", "sox"),
)

UNDERWEAR: tuple[Term, ...] = (
    _worn("underwear", "light intimate garments worn next to the skin under other clothes", "intimate",
          "intimates", "lingerie", "undergarment", "underclothes", "intimate apparel"),
    _worn("underwear/bra", "an undergarment with two cups that supports the breasts",
          "brassiere", "bralette"),
    _worn("underwear/panties", "small underpants that cover the hips", "knickers", "underpants", "panty",
          "briefs"),
    _worn("swimwear", "a garment for swimming that leaves arms and legs bare", "swimsuit", "swim suit",
          "bathing suit", "swimming costume", "beachwear"),
)

GARMENTS: tuple[Term, ...] = UPPER + LOWER + WHOLE + LEGWEAR + UNDERWEAR
