"""What the page looks like in each of its states: no fault for axe, and a picture of it for the documents.

The pictures go to the folder that $PLAYGROUND_IMAGES names, and nowhere without it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.playground import Playground, inside, strip

IMAGES = os.environ.get("PLAYGROUND_IMAGES")
_MOST_BYTES = 200_000
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
State = Callable[[Open, Path], Playground]


def start(open_page: Open, _folder: Path) -> Playground:
    return open_page(viewport={"width": 1280, "height": 760})


def desktop(open_page: Open, _folder: Path) -> Playground:
    page = open_page(viewport={"width": 1280, "height": 900})
    page.sample(1)
    page.set_wipe(58)
    return page


def hover(open_page: Open, _folder: Path) -> Playground:
    page = open_page(viewport={"width": 1280, "height": 900})
    page.prompt("sweater", "black trousers", "hair", "sunglasses", "sandals", "bag")
    answer = page.sample(2)
    page.point(inside(max(answer["segments"], key=_area)))
    expect(page.at("tip")).to_be_visible()
    return page


def many(open_page: Open, folder: Path) -> Playground:
    page = open_page(viewport={"width": 1280, "height": 900})
    page.send(strip(folder / "street.jpg", "0405", "0307", "0547", "0617"))
    page.answer()
    return page


def people(open_page: Open, folder: Path) -> Playground:
    page = many(open_page, folder)
    page.at("coloring").get_by_text("By person").click()
    page.at("legend").locator("button").first.click()
    page.person(2).locator("> .row .eye").click()
    page.at("tree").evaluate("tree => { tree.scrollTop = 0; }")
    page.page.mouse.move(5, 5)
    return page


def error(open_page: Open, folder: Path) -> Playground:
    page = open_page(viewport={"width": 1280, "height": 760})
    page.refused.add(415)
    (folder / "notes.txt").write_text("no picture")
    page.send(folder / "notes.txt")
    expect(page.at("problem")).to_be_visible()
    return page


def phone(open_page: Open, _folder: Path) -> Playground:
    page = open_page(**PHONE)
    page.prompt("dress", "bag", "hair", "shoes", "scarf")
    page.sample()
    page.set_wipe(60)
    return page


def dark(open_page: Open, _folder: Path) -> Playground:
    page = open_page(viewport={"width": 1280, "height": 900}, color_scheme="dark")
    page.sample()
    page.at("ask").get_by_text("Options").click()
    return page


def dark_error(open_page: Open, folder: Path) -> Playground:
    return error(lambda **options: open_page(**options, color_scheme="dark"), folder)


def _area(segment: dict[str, Any]) -> int:
    return int(segment["area"])


@pytest.mark.parametrize("state", [start, desktop, hover, many, people, error, phone, dark, dark_error])
def test_axe_finds_no_fault(open_page: Open, tmp_path: Path, state: State):
    page = state(open_page, tmp_path)
    found = Axe().run(page.page, options={"resultTypes": ["violations"]})
    assert found.generate_snapshot() == ""
    if IMAGES is not None and state is not dark_error:
        keep(page, Path(IMAGES) / f"playground-{state.__name__}.png", whole=state is phone)


def keep(page: Playground, path: Path, *, whole: bool) -> None:
    """A picture of the page with a palette, which keeps it small; one that keeps rare colours apart."""
    page.page.evaluate("() => scrollTo(0, 0)")
    page.page.screenshot(path=path, full_page=whole)
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=4)
    small.save(path, optimize=True)
    assert path.stat().st_size < _MOST_BYTES
