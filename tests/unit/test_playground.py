"""The playground's files: what can be said of them without a browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import combinations
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from numpy.typing import NDArray

from service.errors import ERRORS, NotFound
from service.web import page

FOLDER = Path(page.__file__).parent / "playground"
FILES = {path.name: path.read_text(encoding="utf8") for path in FOLDER.iterdir()}
HTML, STYLE = FILES["index.html"], FILES["style.css"]
SCRIPTS = {name: text for name, text in FILES.items() if name.endswith(".js")}
IDS = re.findall(r'\sid="([^"]+)"', HTML)
# How eyes without one kind of cone see linear RGB (Machado, Oliveira and Fernandes, 2009).
VISIONS = {
    "all cones": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(page.router)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as opened:
        yield opened


class TestFiles:
    def test_all_of_it_weighs_less_than_150_kb(self):
        thumbnails = [page._thumbnail(name).data for name in page._SAMPLES]
        assert sum(len(text.encode()) for text in FILES.values()) + sum(map(len, thumbnails)) < 150_000

    def test_no_file_names_another_host(self):
        for text in FILES.values():
            assert not re.findall(r"(?:https?:|[\"'(])//\w", text.replace("http://www.w3.org/2000/svg", ""))

    def test_nothing_is_inline_and_no_text_becomes_code(self):
        assert not re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", HTML)
        for text in SCRIPTS.values():
            assert not re.findall(
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|Function\(", text
            )

    def test_every_file_is_used_and_every_import_exists(self):
        imports = {name for text in SCRIPTS.values() for name in re.findall(r'from "\./([\w.]+)"', text)}
        linked = set(re.findall(r'(?:src|href)="playground/([\w.]+)"', HTML))
        assert imports | linked | {"index.html"} == set(FILES)

    def test_every_id_that_is_named_exists_once(self):
        assert len(IDS) == len(set(IDS))
        named = set(re.findall(r'(?:\bfor|aria-labelledby|aria-describedby)="([^"]+)"', HTML))
        named |= set(re.findall(r'href="#([^"]+)"', HTML))
        for text in SCRIPTS.values():
            named |= set(re.findall(r'\bparts\["([^"]+)"\]', text))
            named |= set(re.findall(r"\bparts\.(\w+)", text))
            for names in re.findall(r"const \{ ([\w, ]+) \} = this\.parts", text):
                named |= set(names.split(", "))
        assert len(named) > 40
        assert named <= set(IDS)

    def test_every_class_that_a_script_gives_has_a_style(self):
        given = set()
        for text in SCRIPTS.values():
            given |= set(" ".join(re.findall(r'element\("\w+", "([^"]+)"', text)).split())
        assert len(given) > 10
        assert [name for name in given if f".{name}" not in STYLE] == []

    def test_advice_is_about_errors_that_there_are(self):
        table = FILES["advice.js"].partition("BY_STATUS")[0]
        codes = set(re.findall(r"^  (\w+):", table, re.MULTILINE))
        assert len(codes) > 10
        assert codes <= set(ERRORS) | {"unreachable"}

    @pytest.mark.parametrize("vision", VISIONS)
    def test_colors_stay_apart_for_every_kind_of_eye(self, vision: str):
        named = re.findall(r"#[0-9a-f]{6}", FILES["colors.js"])
        assert len(named) == 8
        seen = [_lab(np.array(VISIONS[vision]) @ _linear(name)) for name in named]
        assert min(np.linalg.norm(one - other) for one, other in combinations(seen, 2)) > 15


class TestRoutes:
    async def test_each_file_has_its_type_and_may_be_asked_for_again(self, client: httpx.AsyncClient):
        for name in FILES:
            first = await client.get(f"/playground/{name}")
            assert first.content == (FOLDER / name).read_bytes()
            assert first.headers["content-type"] == page._TYPES[Path(name).suffix]
            assert first.headers["cache-control"] == "no-cache"
            assert first.headers["x-content-type-options"] == "nosniff"
            again = await client.get(f"/playground/{name}", headers={"If-None-Match": first.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
            assert (await client.get(f"/playground/{name}", headers={"If-None-Match": '"x"'})).is_success

    async def test_the_policy_lets_nothing_in_but_what_is_served_here(self, client: httpx.AsyncClient):
        answer = await client.get("/")
        assert answer.text == HTML
        policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert "unsafe" not in str(policy)
        assert "*" not in str(policy)

    @pytest.mark.parametrize("name", ["nothing.js", "..%2Fpage.py", "samples%2F..%2F..%2Fpage.py", ""])
    async def test_there_is_nothing_else(self, client: httpx.AsyncClient, name: str):
        with suppress(NotFound):
            assert (await client.get(f"/playground/{name}")).status_code == 404

    async def test_samples_are_photos_with_thumbnails(self, client: httpx.AsyncClient):
        told = (await client.get("/playground/samples")).json()
        assert len(told) == 3
        for sample in told:
            photo, thumbnail = [await client.get(f"/{sample[kind]}") for kind in ("photo", "thumbnail")]
            assert photo.headers["content-type"] == thumbnail.headers["content-type"] == "image/jpeg"
            assert len(thumbnail.content) < 15_000 < len(photo.content)

    @pytest.mark.parametrize("name", ["0436.jpg", "0405", "0405.png", "0405-small-small.jpg"])
    async def test_no_other_photo_is_served(self, client: httpx.AsyncClient, name: str):
        with pytest.raises(NotFound):
            await client.get(f"/playground/samples/{name}")

    async def test_without_photos_there_are_no_samples(
        self, client: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(page, "_PHOTOS", tmp_path)
        assert (await client.get("/playground/samples")).json() == []
        with pytest.raises(NotFound):
            await client.get("/playground/samples/0405.jpg")


def _linear(color: str) -> NDArray[np.float64]:
    """'#rrggbb' -> linear RGB, 0..1."""
    value = np.array([int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _lab(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear sRGB -> CIE L*a*b*, whose distances are about how different two colours look."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ np.clip(linear, 0, 1) / np.array([0.9505, 1, 1.089])
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])
