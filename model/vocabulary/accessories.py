"""Terms of footwear and of things carried or worn beside garments."""

from __future__ import annotations

from functools import partial

from model.vocabulary.term import Term, entry

_shoe = partial(entry, "clothing")
_item = partial(entry, "accessory")

FOOTWEAR: tuple[Term, ...] = (
    _shoe("footwear/shoes", "footwear with a sole, worn on the feet", "footwear", "shoe", "left shoe",
          "right shoe"),
    _shoe("footwear/shoes/boots", "high closed shoes that cover the ankle and part of the leg", "ankle boots",
          "booties", "knee high boots"),
    _shoe("footwear/shoes/sandals", "open shoes held on the foot by straps, toes visible", "strappy shoes",
          "gladiator sandals"),
    _shoe("footwear/shoes/heels", "women's shoes raised by a tall thin heel", "high heels",
          "high heeled shoes", "stilettos", "heeled shoes"),
    _shoe("footwear/shoes/pumps", "low-cut women's shoes with a heel and no straps", "court shoes",
          "pump shoes"),
    _shoe("footwear/shoes/sneakers", "soft sports shoes with laces and rubber soles", "trainers",
          "tennis shoes", "running shoes", "athletic shoes", "gym shoes", "sport shoes"),
    _shoe("footwear/shoes/flats", "light shoes without a heel, low on the foot", "ballet flats",
          "ballerinas", "flat shoes"),
    _shoe("footwear/shoes/loafers", "low leather slip-on shoes without laces", "slip ons", "slip on shoes",
          "penny loafers", "moccasins"),
    _shoe("footwear/shoes/wedges", "shoes with a thick wedge-shaped sole under the whole foot",
          "wedge heels", "wedge shoes", "wedge sandals"),
    _shoe("footwear/shoes/clogs", "backless shoes with a thick wooden sole", "wooden shoes", "mules"),
)

CARRIED: tuple[Term, ...] = (
    _item("accessories", "small things worn or carried beside the clothes", "accessory", "fashion accessory"),
    _item("accessories/bag", "a container of leather or cloth, carried in the hand or on the shoulder",
          "handbag", "hand bag", "shoulder bag", "carry bag"),
    _item("accessories/bag/purse", "a small handbag of a woman, on a strap or in the hand", "pocketbook",
          "small handbag"),
    _item("accessories/bag/wallet", "a flat folding case for money, held in the hand", "billfold",
          "coin purse"),
)

HEADWEAR: tuple[Term, ...] = (
    _item("headwear/hat", "a shaped cover worn on the head over the hair", "headwear", "headgear"),
)

WORN: tuple[Term, ...] = (
    _item("neckwear/scarf", "a long soft cloth wrapped around the neck", "neck scarf", "muffler", "neckwear"),
    _item("neckwear/tie", "a long narrow cloth knotted under the shirt collar, hanging down the chest",
          "necktie", "neck tie"),
    _item("accessories/belt", "a narrow strap of leather with a buckle around the waist", "waist belt",
          "leather belt"),
    _item("handwear/gloves", "covers of cloth or leather over hands and fingers", "glove", "handwear"),
    _item("eyewear/glasses", "clear lenses in a frame worn before the eyes on the face", "eyeglasses",
          "spectacles", "specs", "eyewear", "reading glasses"),
    _item("eyewear/glasses/sunglasses", "dark lenses in a frame worn before the eyes on the face", "shades",
          "dark glasses", "sun glasses"),
    _item("jewellery/watch", "a small clock on a strap around the wrist", "wristwatch", "wrist watch"),
    _item("jewellery/necklace", "a chain or string of beads hanging around the neck", "neck chain"),
    _item("jewellery/bracelet", "a band or chain worn around the wrist", "bangle", "wristband", "armlet"),
    _item("jewellery/ring", "a small metal band around a finger", "finger ring", "wedding ring"),
    _item("jewellery/earrings", "small ornaments hanging from the ears", "ear ring"),
)

ACCESSORIES: tuple[Term, ...] = FOOTWEAR + CARRIED + HEADWEAR + WORN
