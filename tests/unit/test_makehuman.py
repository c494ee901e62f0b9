"""Garments of MakeHuman: reading, fitting, wearing."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.data.held_out import HELD_OUT_GARMENTS
from model.data.synthetic.base_mesh import base_mesh
from model.data.synthetic.body import body
from model.data.synthetic.cli import main
from model.data.synthetic.closet import CLOTHS, PARTS, Closet
from model.data.synthetic.fitted import piece_of
from model.data.synthetic.garment import Garment
from model.data.synthetic.makehuman import BASE_VERTICES, Asset, Scale, read_asset
from model.data.synthetic.maker import SyntheticMaker
from model.data.synthetic.pose import drawn_pose, drawn_shape
from model.data.synthetic.scene import SYNTHETIC_CLASSES, SyntheticScene

SIZE = (96, 64)
MHCLO = """# a comment
name tiny
obj_file tiny.obj

x_scale 10 11 2.0   # as wide as two decimetres
material tiny.mhmat
verts 0
0 1 2 0.5 0.25 0.25 0.1 0.2 0.3

3
4 4 4 1 0 0 0 0 0
5
6
weights

delete_verts
7 9 - 11
"""
OBJ = """# quads and triangles
v 0 0 0
v 1 0 0
v 1 1 0
v 0 0 5
v 1 0 5
vt 0 0
f 1/1 2/1 3/1
f 4 5 4
"""


def written(folder: Path, mhclo: str = MHCLO, obj: str = OBJ, name: str = "tiny") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.obj").write_text(obj)
    file = folder / f"{name}.mhclo"
    file.write_text(mhclo)
    return file


def test_a_file_is_read_with_blank_lines_comments_and_single_numbers(tmp_path):
    asset = read_asset(written(tmp_path))
    assert asset.name == "tiny"
    assert asset.corners[:2].tolist() == [[0, 1, 2], [3, 0, 0]]
    assert asset.weights[:2].tolist() == [[0.5, 0.25, 0.25], [1, 0, 0]]
    # MakeHuman's up is our z, its viewer our -y.
    assert np.allclose(asset.offsets[0], [0.1, -0.3, 0.2])
    assert asset.scales == {0: Scale(10, 11, 2.0)}


def test_larger_faces_become_triangles(tmp_path):
    asset = read_asset(written(tmp_path, obj=OBJ + "f 1 2 3 4 5\n"))
    assert asset.faces.tolist() == [[0, 1, 2], [3, 4, 3], [0, 1, 2], [0, 2, 3], [0, 3, 4]]


def test_an_offset_is_scaled_by_the_body_along_its_axis(tmp_path):
    asset = read_asset(written(tmp_path))
    base = np.zeros((BASE_VERTICES, 3), np.float32)
    base[11, 0] = 0.3  # One and a half times the two decimetres of the file.
    assert np.allclose(asset.fitted(base)[0], [0.015, -0.03, 0.02])


def test_pieces_that_do_not_touch_are_components(tmp_path):
    assert read_asset(written(tmp_path)).components().tolist() == [0, 1]


def test_cloth_that_is_one_mesh_falls_apart_at_the_seams_of_its_texture(tmp_path):
    sewn = OBJ.replace("f 4 5 4", "f 3/4 4/5 5/6").replace("1/1 2/1 3/1", "1/1 2/2 3/3")
    asset = read_asset(written(tmp_path, obj=sewn))
    assert asset.components().tolist() == [0, 0]
    assert asset.islands().tolist() == [0, 1]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("\n6\n", f"\n{BASE_VERTICES}\n", str(BASE_VERTICES)),
        ("10 11 2.0", f"10 {BASE_VERTICES + 7} 2.0", str(BASE_VERTICES + 7)),
        ("10 11 2.0", "10 11", "torn"),
        ("10 11 2.0", "10 11 0", "divides"),
        ("4 4 4 1 0 0 0 0 0", "4 4 4 1 0 0", "not 6"),
        ("\n6\n", "\n", "4 are bound"),
        ("tiny.obj", "gone.obj", "gone.obj"),
    ],
)
def test_a_torn_binding_is_refused(tmp_path, old, new, said):
    assert old in MHCLO
    with pytest.raises(ValueError, match=said):
        read_asset(written(tmp_path, MHCLO.replace(old, new)))


@pytest.mark.parametrize(
    ("obj", "said"),
    [
        (OBJ.replace("f 4 5 4", "f 4 6 4"), "there are 5"),
        (OBJ.replace("f 4 5 4", "f 4 x 4"), "torn"),
        ("v 0 0 0\n" * 5, "no faces"),
    ],
)
def test_a_torn_mesh_is_refused(tmp_path, obj, said):
    with pytest.raises(ValueError, match=said):
        read_asset(written(tmp_path, obj=obj))


def test_a_file_without_vertices_is_refused(tmp_path):
    with pytest.raises(ValueError, match="binds no vertices"):
        read_asset(written(tmp_path, "name empty\n"))


@given(
    st.integers(0, 1000),
    st.floats(0.3, 3),
    st.tuples(*(st.floats(-2, 2) for _ in range(3))),
)
def test_a_body_that_is_moved_and_scaled_takes_its_garment_along(seed, size, shift):
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.1, 1, (6, 3))
    asset = Asset(
        "any",
        rng.integers(0, 40, (6, 3)).astype(np.int32),
        (weights / weights.sum(1, keepdims=True)).astype(np.float32),
        rng.normal(0, 0.1, (6, 3)).astype(np.float32),
        {axis: Scale(2 * axis, 2 * axis + 1, 1.5) for axis in range(3)},
        np.array([[0, 1, 2]], np.int32),
        np.array([[0, 1, 2]], np.int32),
    )
    base = rng.normal(0, 1, (40, 3)).astype(np.float32)
    moved = (base * size + shift).astype(np.float32)
    assert np.allclose(asset.fitted(moved), asset.fitted(base) * size + shift, atol=1e-4)


def test_cloth_on_the_skin_follows_the_skin_into_any_pose():
    rng = np.random.default_rng(4)
    shape, turns = drawn_shape(rng, True), drawn_pose(rng)
    faces = body().faces[::50]
    on = body().kept.astype(np.int32)[:, None].repeat(3, 1)
    weights = np.tile(np.array([1, 0, 0], np.float32), (len(on), 1))
    none = np.zeros((len(on), 3), np.float32)
    skin = Asset("skin", on, weights, none, {}, faces, faces)
    piece = piece_of(skin, np.ones(len(faces), bool), ("torso",), 0.05)
    posed, plain = base_mesh().posed(shape, turns), body().posed(shape, turns)
    assert np.abs(posed.vertices - plain.vertices).max() < 1e-4
    assert np.abs(posed.bones["wrist.L"] - plain.bones["wrist.L"]).max() < 1e-4
    assert np.abs(piece.mesh(posed, 0).vertices - plain.vertices[piece.kept]).max() < 1e-3
    with pytest.raises(ValueError, match="left to be worn"):
        piece_of(skin, np.zeros(len(faces), bool), ("torso",), 0.05)
    with pytest.raises(ValueError, match="base mesh"):
        piece.mesh(plain, 0)


def boxes(*spans: tuple[float, float]) -> tuple[str, str]:
    """A file and a mesh of boxes around the trunk, open above and below, between heights."""
    reference = base_mesh().reference
    near = np.flatnonzero((np.abs(reference[:, 0]) < 0.15) & (np.arange(BASE_VERTICES) < 13000))
    bound = ["verts 0"]
    vertices: list[str] = []
    faces: list[str] = []
    for low, high in spans:
        start = len(vertices)
        ring = [(0.24, -0.22), (0.24, 0.16), (-0.24, 0.16), (-0.24, -0.22)]
        for place in (np.array([x, y, z]) for z in (low, high) for x, y in ring):
            hold = near[np.linalg.norm(reference[near] - place, axis=1).argmin()]
            x, y, z = (place - reference[hold]) * 10
            bound.append(f"{hold} {hold} {hold} 1 0 0 {x:.5f} {z:.5f} {-y:.5f}")
            vertices.append("v 0 0 0")
        for k in range(4):
            a, b = start + k + 1, start + (k + 1) % 4 + 1
            faces.append(f"f {a} {b} {b + 4} {a + 4}")
    return "\n".join(bound), "\n".join([*vertices, *faces])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("makehuman")
    mhclo, obj = boxes((1.1, 1.45), (0.8, 1.0))
    for name in ("female_casualsuit01", "male_casualsuit04"):
        written(root / "clothes" / name, mhclo, obj, name)
    return root


@cache
def without(seed: int) -> SyntheticScene:
    return SyntheticMaker().make(seed, SIZE, people=1)


def same(a: SyntheticScene, b: SyntheticScene) -> bool:
    return (
        np.array_equal(a.image, b.image) and np.array_equal(a.classes, b.classes) and a.caption == b.caption
    )


def test_some_wear_the_meshes_and_the_others_are_as_ever(folder):
    maker = SyntheticMaker(makehuman=folder)
    changed = [
        drawn for seed in range(8) if not same(drawn := maker.make(seed, SIZE, people=1), without(seed))
    ]
    assert 1 <= len(changed) <= 6
    shirt = SYNTHETIC_CLASSES.index("t-shirt")
    for drawn in changed:
        assert "t-shirt" in drawn.caption
        if (drawn.classes == shirt).any():
            rows = np.nonzero(drawn.classes == shirt)[0]
            body_rows = np.nonzero(drawn.persons)[0]
            assert rows.mean() < body_rows.min() + 0.75 * np.ptp(body_rows)
    assert any((drawn.classes == shirt).mean() > 0.01 for drawn in changed)


def test_the_same_seed_dresses_the_same(folder):
    first, second = (SyntheticMaker(makehuman=folder).make(5, SIZE, people=2) for _ in range(2))
    assert same(first, second)
    assert np.array_equal(first.people[0].texture, second.people[0].texture)


def test_a_garment_is_painted_on_the_body_that_it_hides(folder):
    closet = Closet.read(folder)
    part = next(p for p in PARTS if p.file.endswith("casualsuit04") and p.kind == "top")
    piece = closet.piece(part)
    x, y, z = body().attributes[:, :3].T
    chest = (np.abs(x) < 0.1) & (z > 1.2) & (z < 1.35) & (y < -0.08)
    inside = piece.cover.edge > 0
    assert inside[chest].mean() > 0.5
    assert not inside[(z < 0.9) | (z > 1.6)].any()
    assert (piece.clear[~inside] == 0).all()


def test_without_the_option_the_dice_fall_as_ever():
    assert without(2).caption == (
        "a woman in a beige knitted cardigan, a black dotted blouse, red leather flats and a yellow skirt"
    )


def outfit(closet: Closet, seed: int, held_out: bool) -> tuple[Garment, ...]:
    rng = np.random.default_rng(seed)
    return closet.outfit(rng, seed % 2 == 0, np.zeros(3, np.float32), held_out)


def test_held_out_words_are_worn_when_asked_for_alone(tmp_path):
    mhclo, obj = boxes((1.1, 1.45), (0.8, 1.3))
    written(tmp_path / "clothes/male_worksuit01", mhclo, obj, "male_worksuit01")
    closet = Closet.read(tmp_path)
    plain = {g.name for seed in range(40) for g in outfit(closet, seed, False)}
    asked = {g.name for seed in range(40) for g in outfit(closet, seed, True)}
    assert not plain & set(HELD_OUT_GARMENTS)
    assert asked & set(HELD_OUT_GARMENTS) == {"overalls"}


def test_suits_hair_hats_and_shoes_are_put_on_in_their_order(tmp_path):
    mhclo, obj = boxes(*((0.2 * k, 0.2 * k + 0.15) for k in range(1, 8)))
    for name in ("clothes/male_elegantsuit01", "clothes/shoes01", "hair/bob01", "hair/short04"):
        written(tmp_path / name, mhclo, obj, name.partition("/")[2])
    written(tmp_path / "clothes/fedora01", mhclo, obj, "fedora")
    closet = Closet.read(tmp_path)
    outfits = [outfit(closet, seed, False) for seed in range(60)]
    meshes = [[g for g in worn if g.piece] for worn in outfits]
    assert {g.name for worn in meshes for g in worn} == {"suit", "shirt", "shoes", "socks", "hair", "hat"}
    suits = [[g for g in worn if g.name in ("suit", "shirt")] for worn in meshes]
    suits = [worn for worn in suits if worn]
    assert all([g.name for g in worn] == ["suit", "shirt", "suit"] for worn in suits)
    assert all(worn[0].fabric is worn[2].fabric for worn in suits)
    for worn in outfits:
        names = [g.name for g in worn]
        assert names[0] == "hair"
        assert names.count("socks") <= 1
        assert names.count("shoes") <= 1


def test_every_word_of_the_closet_is_a_class():
    words = {word for part in PARTS for word in part.words} | set(CLOTHS)
    assert words <= set(SYNTHETIC_CLASSES)
    assert {part.kind for part in PARTS if set(part.words) & set(HELD_OUT_GARMENTS)} == {"overalls"}


@pytest.mark.parametrize(("made", "said"), [(False, "is no folder"), (True, "none of MakeHuman's assets")])
def test_a_folder_with_nothing_to_wear_is_said(tmp_path, capsys, made, said):
    folder = tmp_path / "clothes"
    if made:
        folder.mkdir()
    assert main(["--count", "1", "--out", str(tmp_path / "out"), "--makehuman", str(folder)]) == 2
    assert said in capsys.readouterr().err
