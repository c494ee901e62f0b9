"""Words that describe garments and bodies, and words that end a noun phrase."""

from __future__ import annotations

from model.vocabulary.words import listed

COLORS = frozenset(
    listed(
        "black, white, grey, gray, red, green, blue, yellow, orange, purple, violet, pink, brown, beige, tan,"
        "cream, ivory, navy, teal, turquoise, cyan, aqua, magenta, maroon, burgundy, crimson, scarlet, coral,"
        "salmon, peach, gold, golden, silver, bronze, copper, olive, khaki, mint, lime, emerald, indigo,"
        "lavender, lilac, mauve, plum, fuchsia, mustard, ochre, rust, charcoal, camel, nude, taupe, ecru,"
        "auburn, blond, blonde, brunette, ginger, platinum, colored, coloured, colorful, colourful, colour,"
        "color, multicolored, multicoloured, rainbow, neon, pastel, monochrome, dark, light, bright, pale,"
        "deep, vivid, faded, reddish, bluish, greenish, yellowish, brownish, pinkish, sky, royal, forest,"
        "hot, baby, off, tanned, fair, transparent, sheer, see through, translucent"
    )
)
PATTERNS = frozenset(
    listed(
        "striped, stripe, stripes, plaid, checked, checkered, chequered, check, tartan, gingham, floral,"
        "flowered, flowery, dotted, polka, dot, paisley, leopard, zebra, snakeskin, animal, print, printed,"
        "patterned, plain, solid, camouflage, camo, tie dye, geometric, herringbone, houndstooth, pinstripe,"
        "pinstriped, graphic, logo, abstract, tropical, argyle, two tone, embroidered, sequined, sequin,"
        "glitter, glittery, shiny, metallic, matte, beaded, studded, batik, ikat, tiger, spotted"
    )
)
LOOKS = frozenset(
    listed(
        "big, small, large, little, tiny, huge, new, old, vintage, retro, modern, classic, traditional,"
        "casual, formal, elegant, stylish, fashionable, trendy, beautiful, pretty, nice, cute, lovely, fancy,"
        "simple, basic, clean, dirty, wet, dry, worn, ripped, torn, distressed, washed, matching, same,"
        "different, left, right, two, three, several, own, warm, cozy, comfortable, heavy, thick, thin, soft,"
        "ornate, decorative, expensive, cheap, bare, exposed, summer, winter, spring, autumn, oversized"
    )
)
MATERIALS = frozenset(
    listed(
        "denim, leather, suede, cotton, wool, woolen, woollen, silk, silky, satin, velvet, lace, lacy, linen,"
        "knit, knitted, crochet, crocheted, cashmere, corduroy, tweed, flannel, fleece, fur, furry, faux,"
        "chiffon, tulle, mesh, nylon, polyester, latex, rubber, plastic, canvas, straw, felt, jersey,"
        "spandex,"
        "lycra, quilted, padded, puffy, down, sherpa, shearling, mohair, organza, brocade, jacquard, khadi,"
        "cloth, wooden, metal, pearl, diamond, beads, crystal, patent, waterproof, woven, wicker"
    )
)
CUTS = frozenset(
    listed(
        "long, short, mini, midi, maxi, cropped, slim, skinny, tight, fitted, loose, baggy, wide, narrow,"
        "straight, flared, bootcut, pleated, ruffled, ruffle, frilly, wrap, sleeveless, strapless, backless,"
        "sleeved, sleeve, hooded, collared, collarless, belted, buttoned, unbuttoned, open, closed, zipped,"
        "zip, zippered, laced, lace up, high, low, waisted, rise, ankle, knee, thigh, calf, floor, length,"
        "tailored, structured, asymmetric, asymmetrical, layered, tiered, draped, pointed, round, square,"
        "v neck, crew neck, neck, necked, shoulder, crossbody, heeled, flat, platform, chunky, strappy,"
        "double, single, breasted, curly, wavy, straightened, shoulder length, messy, tied, braided, shaved,"
        "bald, sport, sports, sporty, athletic, military, dress, evening, cocktail, wedding, bridal, school,"
        "running, hiking, rain, party, office, work, biker, bomber, cargo, puffer, trench, pencil, boyfriend,"
        "mom, yoga, swim, beach, baseball, bucket, tote, hand, ethnic, bohemian, boho, gothic, western"
    )
)
# Adjectives that leave the type of a garment open: any boots may be 'red shoes', no blazer is a
# 'denim jacket'.
PLAIN = COLORS | PATTERNS | LOOKS
ADJECTIVES = PLAIN | MATERIALS | CUTS

DETERMINERS = frozenset(
    listed(
        "a, an, the, some, any, this, that, these, those, her, his, their, my, your, our, its, no, each,"
        "both, another, one, pair of, pairs of, set of"
    )
)
WEARING = frozenset(listed("wearing, wears, wear, wore, donning, dons, sporting"))
DRESSED_IN = frozenset(listed("dressed, clad, attired, decked, clothed, outfitted"))

# Words that a noun phrase does not reach over.
STOPS = frozenset(
    listed(
        "and, or, with, without, in, on, over, under, at, by, near, from, for, of, to, into, onto, behind,"
        "beside, around, against, between, through, across, above, below, beneath, up, is, are, was, were,"
        "be, being, has, have, having, had, who, whom, whose, which, while, as, but, then, there, it, he,"
        "she, they,"
        "them, him, i, you, we, very, so, not, nothing, something, all, also, just, only, where, when,"
        "holds, carries, stands, walks, sits, poses, looks, posing, standing, walking, sitting, looking,"
        "holding, carrying, smiling, running, wearing, wears, wear, wore, dressed, clad, paired, topped,"
        "accessorized, styled, tucked, leaning, talking, playing, riding, waiting, using, next, front,"
        "seen, shown, photographed, pictured, covered, made, featuring, during, after, before"
    )
)
# What follows a wearing verb and is not worn, or says no more than that something is.
NOT_WORN = frozenset(
    listed(
        "smile, grin, expression, look, frown, style, makeup, perfume, things, stuff, zipper, button,"
        "buttons,"
        "pocket, pockets, sleeve, sleeves, collar, cuffs, trim, embroidery, neckline, hem, fringe, lining,"
        "buckle, buckles, strap, straps, laces, detail, details, pattern, design, lettering, logo, lot"
    )
)
# A noun before one of these names no garment: 'hat rack', 'hair salon'.
OTHER_HEADS = frozenset(
    listed(
        "rack, racks, stand, hanger, hangers, store, shop, salon, stall, box, camp, rail, chair, chairs,"
        "path, dryer, brush, display, shelf, factory, room, party, race, show, collection, department, yard,"
        "ground, door, seat, street, court, field, line"
    )
)
# Nouns that are verbs or places as often as things worn: taken only with a determiner or an adjective.
UNSURE = frozenset(
    listed(
        "watch, watches, face, faces, tie, ties, belt, back, top, tops, hand, hands, head, heads, bag, fan,"
        "ring, rings, crown, wrap, wraps, hood, tank, model, body, crop, waves, cane, phone, slip, braces,"
        "shrug, habit, polo, fleece, wreath, beads, badge, cloth, bow, mask, chest, nose, eye, eyes"
    )
)
