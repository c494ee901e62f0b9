"""Terms of garments that belong to a region, a calling or a sport."""

from __future__ import annotations

from functools import partial

from model.vocabulary.term import Term, entry

_worn = partial(entry, "clothing")
_item = partial(entry, "accessory")

_SOUTH_ASIA: tuple[Term, ...] = (
    _worn("whole body/saree", "a long cloth draped around the body like a dress, one end over the shoulder",
          "sari"),
    _worn("lower body/skirt/lehenga", "a long embroidered flared skirt from the waist to the ankles",
          "ghagra", "lehenga choli", "chaniya", "langa"),
    _worn("upper body/top/choli", "a short tight blouse that leaves the belly bare, under a draped cloth",
          "saree blouse"),
    _worn("upper body/top/kurta", "a long loose collarless shirt that reaches the knees", "kurti", "kameez",
          "kurtha"),
    _worn("upper body/coat/sherwani", "a long embroidered coat with a stand-up collar, buttoned to the knees",
          "achkan"),
    _worn("upper body/vest/nehru jacket", "a sleeveless buttoned jacket with a stand-up collar",
          "nehru vest", "bandi"),
    _worn("whole body/salwar kameez", "a long tunic over loose trousers, worn with a shawl", "shalwar kameez",
          "salwar suit", "punjabi suit", "churidar suit"),
    _worn("lower body/pants/salwar", "loose trousers gathered at the ankles", "shalwar", "churidar",
          "patiala", "harem pants", "sirwal"),
    _worn("lower body/dhoti", "a white cloth wrapped around waist and legs", "veshti", "panche"),
    _worn("lower body/sarong", "a length of cloth wrapped around the waist like a skirt", "lungi", "longyi",
          "pareo", "sinh"),
    _worn("whole body/dress/anarkali", "a long flared embroidered dress with a fitted bodice",
          "anarkali suit", "anarkali dress"),
    _item("accessories/neckwear/scarf/dupatta", "a long thin veil draped over the shoulders and chest",
          "chunni", "odhni"),
)  # fmt: skip

_MIDDLE_EAST_AND_AFRICA: tuple[Term, ...] = (
    _worn("whole body/robe/abaya", "a long loose black robe that covers the whole body", "jilbab", "chador"),
    _worn("whole body/robe/burqa", "a cloth that covers the whole body and the face", "burka"),
    _worn("whole body/robe/thobe", "a long white ankle-length shirt of men with long sleeves", "thawb",
          "dishdasha", "kandura", "jubba", "galabeya"),
    _worn("whole body/robe/kaftan", "a long loose patterned robe with wide sleeves", "caftan"),
    _worn("whole body/robe/djellaba", "a long hooded robe with full sleeves", "jellaba", "burnous"),
    _worn("whole body/robe/boubou", "a very wide flowing embroidered robe over the whole body",
          "grand boubou", "agbada", "babariga", "kaftan boubou"),
    _worn("upper body/top/dashiki", "a loose bright printed tunic with an ornate neckline", "daishiki"),
    _worn("lower body/kanga", "a bright printed cotton cloth wrapped around the body", "kitenge",
          "wax print wrapper", "wrapper", "pagne"),
    _worn("whole body/dress/kente dress", "a dress of woven bright geometric stripes", "ankara dress",
          "african print dress"),
    _worn("whole body/dress/habesha kemis", "a long white cotton dress with an embroidered border",
          "habesha dress"),
)  # fmt: skip

_EAST_ASIA: tuple[Term, ...] = (
    _worn("whole body/robe/kimono", "a long robe with wide sleeves, wrapped and tied by a broad sash",
          "furisode"),
    _worn("whole body/robe/kimono/yukata", "a light cotton robe with wide sleeves, tied by a sash"),
    _worn("upper body/jacket/haori", "a short open jacket with wide straight sleeves", "happi", "hanten"),
    _worn("lower body/hakama", "very wide pleated trousers tied at the waist"),
    _worn("whole body/hanbok", "a short wrapped jacket over a high full skirt in bright colours", "jeogori",
          "chima jeogori"),
    _worn("whole body/dress/cheongsam", "a tight silk dress with a high collar and slits at the sides",
          "qipao", "chinese dress", "mandarin dress"),
    _worn("whole body/robe/hanfu", "a layered flowing robe with crossed collar and wide sleeves"),
    _worn("upper body/jacket/tang suit", "a silk jacket with a stand-up collar and knotted buttons",
          "tangzhuang", "mandarin jacket"),
    _worn("whole body/dress/ao dai", "a long tight silk tunic with side slits over loose trousers"),
    _worn("upper body/top/shirt/barong", "a thin embroidered long-sleeved shirt worn loose over trousers",
          "barong tagalog"),
    _worn("upper body/top/kebaya", "a thin lace blouse fastened in front, worn with a wrapped skirt"),
    _worn("upper body/top/shirt/batik shirt", "a shirt of cotton with wax-dyed patterns", "hawaiian shirt",
          "aloha shirt"),
)  # fmt: skip

_EUROPE_AND_AMERICAS: tuple[Term, ...] = (
    _worn("whole body/dress/dirndl", "a dress with a laced bodice, white blouse, full skirt and apron"),
    _worn("lower body/shorts/lederhosen", "short leather trousers with braces over the shoulders"),
    _worn("lower body/skirt/kilt", "a pleated checked skirt to the knee, worn by men", "tartan skirt"),
    _worn("whole body/dress/sarafan", "a long sleeveless dress worn over a wide-sleeved blouse"),
    _worn("whole body/dress/flamenco dress", "a tight dress with rows of ruffles on the skirt"),
    _worn("upper body/coat/poncho", "a blanket-like outer cloth with a hole for the head", "ruana", "serape"),
    _worn("upper body/top/huipil", "a loose sleeveless embroidered tunic", "guayabera"),
    _worn("lower body/skirt/grass skirt", "a skirt of long loose fibres hanging from the hips",
          "hula skirt"),
    _worn("lower body/pants/chaps", "leather covers worn over the trousers on the legs"),
)  # fmt: skip

_CALLING: tuple[Term, ...] = (
    _worn("whole body/uniform", "the official clothes of a police officer, soldier or pupil",
          "school uniform", "police uniform", "military uniform", "army uniform", "uniform suit"),
    _worn("whole body/scrubs", "a loose plain cotton top and trousers of nurses and surgeons",
          "medical scrubs", "hospital scrubs", "hospital gown"),
    _worn("whole body/habit", "the long black garment of nuns and monks", "cassock", "nun habit",
          "monk robe"),
    _worn("whole body/armor", "metal plates worn over the body", "armour", "body armor", "chainmail"),
    _worn("whole body/space suit", "a thick white suit with helmet of an astronaut", "spacesuit",
          "hazmat suit"),
    _worn("whole body/tracksuit", "a sports jacket with a zip and matching loose trousers", "track suit",
          "sportswear", "jogging suit", "activewear", "warm up suit", "sports wear", "gym wear"),
    _worn("whole body/ski suit", "a padded waterproof suit for snow", "snowsuit", "snow suit"),
    _worn("whole body/martial arts uniform", "a loose white wrapped jacket and trousers with a coloured belt",
          "judogi", "karate gi", "gi", "dobok"),
    _worn("lower body/shorts/cycling shorts", "tight stretchy shorts to the knee", "bike shorts",
          "biker shorts"),
    _worn("lower body/shorts/running shorts", "short loose shorts of thin cloth for sport",
          "athletic shorts", "gym shorts", "basketball shorts", "sports shorts"),
    _worn("upper body/top/rash guard", "a tight stretchy long-sleeved top for water sports", "rash vest"),
)  # fmt: skip

WORLD: tuple[Term, ...] = (
    *_SOUTH_ASIA,
    *_MIDDLE_EAST_AND_AFRICA,
    *_EAST_ASIA,
    *_EUROPE_AND_AMERICAS,
    *_CALLING,
)
