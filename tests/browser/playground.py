"""The playground as a test uses it: what to click, what to read, and what went wrong behind it."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import ConsoleMessage, Locator, Page, expect
from pycocotools import mask as coco

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = ROOT / "tests" / "data" / "photos"
Place = tuple[float, float]


class Playground:
    """One open page. `refused` holds the HTTP statuses that a test expects to be refused with."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.refused: set[int] = set()
        self._forgiven: list[str] = []
        self.asked: list[str] = []  # 'METHOD path' of each request
        self._errors: list[str] = []
        page.on("request", lambda request: self.asked.append(_asked(request.method, request.url)))
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._errors.append(str(error)))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._errors.append(message.text)

    def forgive(self, *words: str) -> None:
        """Errors with one of these words are expected."""
        self._forgiven += words

    def faults(self) -> list[str]:
        """Errors in the console and requests to other hosts, less what was expected."""
        refused = [f"the server responded with a status of {status} " for status in self.refused]
        errors = [
            text for text in self._errors if not any(words in text for words in refused + self._forgiven)
        ]
        own = (f"{urlsplit(self.address).netloc}/", "blob:")
        return errors + [asked for asked in self.asked if not asked.split(" ")[1].startswith(own)]

    def visit(self) -> None:
        """Open the page and wait for all that it loads by itself."""
        self.page.goto("/")
        self.at("sample-list").locator("button").first.wait_for()
        expect(self.at("model")).to_be_visible()

    def at(self, name: str) -> Locator:
        """The element with this id."""
        return self.page.locator(f"#{name}")

    # Asking

    def prompt(self, *words: str) -> None:
        """Type prompts."""
        for word in words:
            self.at("prompt").fill(word)
            self.at("prompt").press("Enter")

    def send(self, path: Path) -> None:
        """Choose a file, which is parsed at once."""
        self.at("file").set_input_files(path)

    def sample(self, number: int = 0) -> dict[str, Any]:
        """Choose a sample; its answer."""
        self.at("sample-list").locator("button").nth(number).click()
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """The answer that is shown, once there is one, whole."""
        expect(self.at("found")).to_be_visible()
        expect(self.at("parse")).to_be_enabled()
        with self.page.expect_download() as download:
            self.at("download").dispatch_event("click")  # a real click would scroll to it
        answer: dict[str, Any] = json.loads(download.value.path().read_text())
        return answer

    # Looking

    def row(self, segment: dict[str, Any]) -> Locator:
        """The row of a segment."""
        return self.at("tree").locator(f"[data-segment='{segment['id']}']")

    def person(self, number: int = 1) -> Locator:
        """The row of a person, by place in the list."""
        return self.at("tree").locator("> li").nth(number - 1)

    def on_screen(self, place: Place) -> Place:
        """Where a place in fractions of the picture is in the window."""
        self.at("marks").scroll_into_view_if_needed()
        box = self.at("marks").bounding_box()
        assert box is not None
        return box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"]

    def point(self, place: Place) -> None:
        """Move the mouse there."""
        self.page.mouse.move(*self.on_screen(place))

    def pixel(self, canvas: str, place: Place) -> tuple[int, int, int, int]:
        """Red, green, blue, alpha of a canvas."""
        read = (
            "(canvas, [x, y]) => [...canvas.getContext('2d')"
            ".getImageData(Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data]"
        )
        self.forgive("willReadFrequently")  # Chromium's advice on reading twice, which the page does not
        red, green, blue, alpha = self.at(canvas).evaluate(read, list(place))
        return red, green, blue, alpha

    def cut(self) -> float:
        """How much of the parsing is cut away from the right, in percent."""
        clip: str = self.at("parsing").evaluate("canvas => getComputedStyle(canvas).clipPath")
        return float(clip.removeprefix("inset(").split()[1].removesuffix("%"))

    def set_wipe(self, percent: int) -> None:
        """Move the slider."""
        self.at("wipe").fill(str(percent))

    def module(self, name: str, code: str, argument: object = None) -> Any:
        """What `code`, a function of (module, argument), makes of one of the page's modules."""
        script = f"async (argument) => ({code})(await import('/playground/{name}.js'), argument)"
        return self.page.evaluate(script, argument)


def _asked(method: str, url: str) -> str:
    parts = urlsplit(url)
    return f"{method} {parts.netloc}{parts.path}" if parts.netloc else f"{method} {url}"


def decoded(mask: dict[str, Any]) -> NDArray[np.uint8]:
    """The mask's pixels, (height, width), by pycocotools."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of numpy, about pycocotools
        pixels: NDArray[np.uint8] = coco.decode(mask)
    return pixels


def inside(segment: dict[str, Any]) -> Place:
    """A place in a segment, in fractions of the picture, as far from its edge as can be."""
    pixels = np.pad(decoded(segment["mask"]).astype(bool), 1)
    kept = pixels
    while kept.any():
        pixels = kept
        kept = kept & np.roll(kept, 1, 0) & np.roll(kept, -1, 0) & np.roll(kept, 1, 1) & np.roll(kept, -1, 1)
    y, x = np.argwhere(pixels)[0] - 1
    height, width = segment["mask"]["size"]
    return (x + 0.5) / width, (y + 0.5) / height


def strip(path: Path, *names: str) -> Path:
    """A picture of several people: photos side by side."""
    photos = [Image.open(PHOTOS / f"{name}.jpg").resize((384, 576)) for name in names]
    picture = Image.new("RGB", (384 * len(photos), 576))
    for number, photo in enumerate(photos):
        picture.paste(photo, (384 * number, 0))
    picture.save(path, quality=90)
    return path
