"""The playground in a real browser, against a real service with the shipped checkpoint."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Route, expect

from tests.browser.conftest import Open
from tests.browser.playground import PHOTOS, Playground, decoded, inside, strip

PHOTO = PHOTOS / "0405.jpg"


def largest(answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = max(answer["segments"], key=lambda segment: segment["area"])
    return found


def told(command: str, folder: Path, **environment: str) -> dict[str, Any]:
    """What a shell in a folder gets from a command."""
    if shutil.which("curl") is None or shutil.which("sh") is None:
        pytest.skip("no curl")
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, env=os.environ | environment, capture_output=True, check=True
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def percent(share: float) -> int:
    """As JavaScript rounds: 76.5 is 77, and 76 to Python."""
    return math.floor(100 * share + 0.5)


class TestParsing:
    def test_a_sample_is_parsed_and_every_part_listed(self, page: Playground):
        answer = page.sample()
        assert answer["object"] == "parsing"
        assert len(answer["segments"]) > 3
        labels = (
            page.at("tree").locator("[data-segment]").evaluate_all("rows => rows.map(row => row.ariaLabel)")
        )
        for label, segment in zip(labels, answer["segments"], strict=True):
            assert label.startswith(f"{segment['label']}, person 1, score {percent(segment['score'])} %")
        expect(page.at("status")).to_have_text(f"1 person, {len(answer['segments'])} parts.")

    def test_prompts_are_asked_word_for_word(self, page: Playground):
        page.prompt("hair", "a flying carpet", "hair")
        page.at("prompt").fill("shoes, bag")  # commas part prompts, and what is typed counts without Enter
        page.send(PHOTO)
        answer = page.answer()
        assert {segment["label"] for segment in answer["segments"]} == {"hair", "shoes", "bag"}
        expect(page.at("missing")).to_contain_text("Not found: a flying carpet.")
        page.at("chips").get_by_role("button", name="Remove hair").click()
        page.at("parse").click()
        assert "hair" not in {segment["label"] for segment in page.answer()["segments"]}

    def test_a_photo_is_shown_and_parsed_the_way_up_that_its_camera_says(
        self, page: Playground, tmp_path: Path
    ):
        turned = Image.open(PHOTO).rotate(90, expand=True)
        exif = Image.Exif()
        exif[0x0112] = 6
        turned.save(tmp_path / "turned.jpg", exif=exif, quality=95)
        page.send(tmp_path / "turned.jpg")
        answer = page.answer()
        assert answer["image"]["height"] > answer["image"]["width"]
        size = page.at("photo").evaluate("canvas => [canvas.width, canvas.height]")
        assert size == [answer["image"]["width"], answer["image"]["height"]]
        assert page.pixel("photo", (0.5, 0.06))[3] == 255

    @pytest.mark.parametrize("way", ["drop", "paste"])
    def test_a_photo_may_be_dropped_or_pasted(self, page: Playground, way: str):
        script = """async ([way, address]) => {
            const data = new DataTransfer(), blob = await (await fetch(address)).blob();
            data.items.add(new File([blob], 'given.jpg', { type: 'image/jpeg' }));
            const event = way === 'drop'
                ? new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true })
                : new ClipboardEvent('paste', { clipboardData: data, bubbles: true });
            document.getElementById('stage').dispatchEvent(event);
        }"""
        page.page.evaluate(script, [way, "playground/samples/0405.jpg"])
        assert page.answer()["persons"]

    def test_a_picture_of_nobody_says_so(self, page: Playground):
        page.send(PHOTOS.parent / "empty" / "landscape.jpg")
        assert page.answer()["persons"] == []
        expect(page.at("status")).to_contain_text("Nobody found")
        expect(page.at("marks")).to_have_attribute("aria-label", "The photo, parsed: nobody found")

    def test_the_curl_line_asks_the_same(self, page: Playground, tmp_path: Path):
        odd = tmp_path / 'it\'s a "photo".jpg'
        shutil.copy(PHOTO, odd)
        page.prompt("bag", '@it\'s "odd"')
        page.send(odd)
        shown = page.answer()
        answer = told(page.at("curl").inner_text(), tmp_path)
        assert answer["unmatched_prompts"] == ['@it\'s "odd"']
        assert answer["segments"] == shown["segments"]

    def test_a_copied_curl_line_gets_a_sample_by_itself_and_knows_the_options(
        self, page: Playground, tmp_path: Path
    ):
        page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.at("ask").get_by_text("Options").click()
        page.at("body-parts").check()
        page.at("score").fill("0.6")
        page.at("key").fill("sk-secret")
        page.prompt("bag")
        shown = page.sample()
        page.at("code").get_by_role("button", name="Copy curl").click()
        expect(page.at("status")).to_have_text("The curl command is copied.")
        command = page.page.evaluate("() => navigator.clipboard.readText()")
        assert "Authorization: Bearer $SPECTRUM_KEY" in command
        answer = told(command, tmp_path, SPECTRUM_KEY="sk-secret")
        assert answer["segments"] == shown["segments"]
        assert {segment["kind"] for segment in answer["segments"]} >= {"body", "accessory"}
        assert min(segment["score"] for segment in answer["segments"]) >= 0.6

    def test_the_key_is_sent_with_every_call_and_kept_nowhere(self, page: Playground):
        headers: list[str | None] = []
        page.page.on("request", lambda request: headers.append(request.headers.get("authorization")))
        page.at("ask").get_by_text("Options").click()
        page.at("key").fill("sk-secret")
        page.send(PHOTO)
        page.answer()
        calls = [path for path in page.asked if "/parse" in path or "/jobs/" in path]
        assert headers.count("Bearer sk-secret") == len(calls) >= 2
        assert "sk-secret" not in page.at("curl").inner_text()
        kept = page.page.evaluate(
            "() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
        )
        assert "sk-secret" not in kept


class TestProgress:
    def test_events_tell_of_the_job_and_nothing_is_polled(self, page: Playground):
        page.sample()
        jobs = [asked for asked in page.asked if "/jobs/" in asked]
        assert [path.rsplit("/", 1)[1] for path in jobs] == ["events"]

    def test_each_step_is_shown(self, page: Playground):
        script = """() => {
            window.steps = [];
            new MutationObserver(() => {
                const now = document.querySelector('#steps:not([hidden]) .now')?.dataset.step;
                if (now && now !== window.steps.at(-1)) window.steps.push(now);
            }).observe(document.getElementById('steps'), { attributes: true, subtree: true });
        }"""
        page.page.evaluate(script)
        page.prompt("one that no answer is kept of")
        page.sample()
        steps = page.page.evaluate("() => window.steps")
        assert steps[:2] == ["sending", "queued"]
        assert steps == sorted(steps, key=["sending", "queued", "running"].index)

    def test_each_step_is_said_to_screen_readers(self, page: Playground):
        script = """() => {
            window.said = [];
            const status = document.getElementById('status');
            const note = () => window.said.push(status.textContent);
            new MutationObserver(note).observe(status, { childList: true });
        }"""
        page.page.evaluate(script)
        expect(page.at("status")).to_have_attribute("aria-live", "polite")
        page.prompt("another that no answer is kept of", "hair")
        page.sample()
        said = [text for text in page.page.evaluate("() => window.said") if text]
        assert said[:2] == ["Sending the photo …", "Waiting for a worker …"]
        assert said[-1].startswith("1 person, 1 part.")

    def test_without_events_the_job_is_asked_for(self, page: Playground):
        page.refused.add(404)
        page.page.route("**/events", lambda route: route.continue_(url=f"{page.address}/no-events"))
        page.prompt("scarf", "hair")
        assert page.sample()["segments"]
        assert any(re.search(r"GET .*/jobs/\w+$", asked) for asked in page.asked)

    def test_a_cancelled_job_is_cancelled_on_the_server_too(self, page: Playground):
        def cancel(route: Route) -> None:  # once the job is there, and before it can end
            page.at("cancel").dispatch_event("click")
            route.abort()

        page.page.route("**/events", cancel)
        page.prompt("gloves", "belt")
        page.at("sample-list").locator("button").first.click()
        expect(page.at("status")).to_have_text("Cancelled.")
        expect(page.at("parse")).to_be_enabled()
        assert any(asked.startswith("DELETE ") for asked in page.asked)


class TestLooking:
    def test_the_mouse_lights_what_it_is_on(self, page: Playground):
        answer = page.sample()
        segment = largest(answer)
        page.point(inside(segment))
        tip = page.at("tip")
        expect(tip).to_contain_text(segment["label"])
        expect(tip).to_contain_text(f"person 1 · score {percent(segment['score'])} %")
        expect(page.row(segment).locator("> .row")).to_have_class("row hot")
        assert page.pixel("marks", inside(segment))[3] == 0
        assert page.pixel("marks", (0.01, 0.01))[3] > 100
        page.page.mouse.move(5, 5)
        expect(tip).to_be_hidden()
        assert page.pixel("marks", (0.01, 0.01))[3] == 0

    def test_every_segment_is_found_under_the_mouse(self, page: Playground):
        answer = page.sample()
        for segment in answer["segments"]:
            page.point(inside(segment))
            expect(page.at("tip").locator("b")).to_have_text(segment["label"])

    def test_a_row_lights_its_segment(self, page: Playground):
        segment = largest(page.sample())
        page.row(segment).hover()
        expect(page.at("detail")).to_contain_text(segment["label"])
        assert page.pixel("marks", inside(segment))[3] == 0
        assert page.pixel("marks", (0.01, 0.01))[3] > 100

    def test_a_click_pins_until_escape(self, page: Playground):
        segment = largest(page.sample())
        page.page.mouse.click(*page.on_screen(inside(segment)))
        page.page.mouse.move(5, 5)
        expect(page.at("detail")).to_contain_text(segment["label"])
        expect(page.row(segment)).to_have_attribute("aria-selected", "true")
        page.page.keyboard.press("Escape")
        expect(page.row(segment)).to_have_attribute("aria-selected", "false")
        expect(page.at("detail")).not_to_contain_text(segment["label"])

    def test_the_wipe_parts_photo_and_parsing(self, page: Playground):
        page.sample()
        assert page.cut() == 0
        page.set_wipe(25)
        assert page.cut() == 75
        expect(page.at("wipe")).to_have_attribute("aria-valuetext", "25 % parsing, 75 % photo")
        page.at("wipe").press("Home")
        assert page.cut() == 100
        page.page.mouse.move(*page.on_screen((0.03, 0.5)))
        page.page.mouse.down()
        page.page.mouse.move(*page.on_screen((0.5, 0.5)))
        page.page.mouse.up()
        expect(page.at("wipe")).to_have_js_property("value", "50")

    def test_the_wipe_opens_by_itself_where_motion_is_welcome(self, open_page: Open):
        page = open_page(reduced_motion="no-preference")
        page.sample()
        expect(page.at("wipe")).to_have_js_property("value", "100")

    def test_a_part_can_be_hidden_and_shown(self, page: Playground):
        segment = largest(page.sample())
        place, row = inside(segment), page.row(segment)
        red, green, blue, _ = page.pixel("parsing", place)
        assert max(red, green, blue) - min(red, green, blue) > 30
        row.locator(".eye").click()
        expect(row).to_have_attribute("aria-checked", "false")
        red, green, blue, _ = page.pixel("parsing", place)
        assert max(red, green, blue) - min(red, green, blue) < 12
        expect(page.person()).to_have_attribute("aria-checked", "mixed")
        page.point(place)
        expect(page.at("tip").locator("b")).to_have_text("Person 1")
        row.locator(".eye").click()
        expect(page.person()).to_have_attribute("aria-checked", "true")

    def test_a_person_can_be_hidden_and_shown(self, page: Playground):
        answer = page.sample()
        eye = page.person().locator("> .row .eye")
        eye.click()
        for segment in answer["segments"]:
            expect(page.row(segment)).to_have_attribute("aria-checked", "false")
        eye.click()
        for segment in answer["segments"]:
            expect(page.row(segment)).to_have_attribute("aria-checked", "true")

    def test_many_people_are_told_apart(self, page: Playground, tmp_path: Path):
        page.send(strip(tmp_path / "four.jpg", "0405", "0307", "0547", "0617"))
        answer = page.answer()
        assert len(answer["persons"]) == 4
        expect(page.at("badges").locator("span")).to_have_text(["1", "2", "3", "4"])
        shared = next(
            label
            for label in (segment["label"] for segment in answer["segments"])
            if len({one["person_id"] for one in answer["segments"] if one["label"] == label}) > 1
        )
        page.at("legend").locator(f"[data-label='{shared}']").click()
        for segment in answer["segments"]:
            hidden = str(segment["label"] != shared).lower()
            expect(page.row(segment)).to_have_attribute("aria-checked", hidden)
        page.at("coloring").get_by_text("By person").click()
        first = [one for one in answer["segments"] if one["person_id"] == 1]
        swatches = {
            page.row(one).locator(".swatch").evaluate("swatch => swatch.className + swatch.style.cssText")
            for one in first
        }
        assert len(swatches) == 1


class TestKeyboard:
    def test_everything_is_done_without_a_mouse(self, page: Playground):
        press = page.page.keyboard.press
        self._tab_to(page, "prompt")
        page.page.keyboard.type("hair")
        press("Enter")
        page.page.keyboard.type("shoes")
        press("Enter")
        self._tab_to(page, "sample-list", back=True)
        press("Enter")
        answer = page.answer()
        assert {segment["label"] for segment in answer["segments"]} == {"hair", "shoes"}
        self._tab_to(page, "wipe")
        press("ArrowLeft")
        expect(page.at("wipe")).to_have_js_property("value", "99")
        self._tab_to(page, "tree")
        expect(page.person()).to_be_focused()
        press("ArrowDown")
        first = answer["segments"][0]
        expect(page.row(first)).to_be_focused()
        expect(page.at("detail")).to_contain_text(first["label"])
        press("Space")
        expect(page.row(first)).to_have_attribute("aria-checked", "false")
        press("Enter")
        expect(page.row(first)).to_have_attribute("aria-selected", "true")
        press("ArrowLeft")
        expect(page.person()).to_be_focused()
        press("ArrowLeft")
        expect(page.person()).to_have_attribute("aria-expanded", "false")
        press("ArrowDown")
        expect(page.person()).to_be_focused()

    def test_the_list_is_one_tab_stop(self, page: Playground):
        answer = page.sample()
        tree = page.at("tree")
        expect(tree.locator("[tabindex='0']")).to_have_count(1)
        page.person().focus()
        page.page.keyboard.press("End")
        expect(page.row(answer["segments"][-1])).to_be_focused()
        expect(tree.locator("[tabindex='0']")).to_have_count(1)

    def test_backspace_takes_the_last_prompt_away(self, page: Playground):
        page.prompt("hair", "bag")
        page.at("prompt").press("Backspace")
        expect(page.at("chips").locator("button")).to_have_text(["hair"])
        expect(page.at("prompt")).to_be_focused()

    @staticmethod
    def _tab_to(page: Playground, name: str, *, back: bool = False) -> None:
        within = f"() => document.getElementById('{name}').contains(document.activeElement)"
        for _ in range(40):
            if page.page.evaluate(within):
                return
            page.page.keyboard.press("Shift+Tab" if back else "Tab")
        raise AssertionError(f"{name} is not reached by Tab")


class TestProblems:
    def test_a_file_that_is_no_picture_is_refused_with_what_to_do(self, page: Playground, tmp_path: Path):
        page.refused.add(415)
        notes = tmp_path / "notes.txt"
        notes.write_text("no picture")
        page.send(notes)
        problem = page.at("problem")
        expect(problem).to_contain_text("image_type_unsupported")
        expect(problem).to_contain_text("HTTP 415")
        expect(problem).to_contain_text("Choose a JPEG, PNG or WebP.")
        expect(problem).to_have_attribute("role", "alert")
        page.send(PHOTO)
        assert page.answer()["persons"]
        expect(problem).to_be_hidden()

    def test_what_the_server_says_of_a_prompt_is_shown(self, page: Playground):
        page.refused.add(422)
        page.page.evaluate("() => { document.getElementById('prompt').maxLength = 5000; }")
        page.at("prompt").fill(",".join(f"garment {number}" for number in range(65)))
        page.send(PHOTO)
        expect(page.at("problem")).to_contain_text("too_many_prompts")
        expect(page.at("problem")).to_contain_text("Remove some of the prompts.")

    def test_a_server_that_is_away_is_told_of(self, page: Playground):
        page.page.context.set_offline(True)
        page.send(PHOTO)
        expect(page.at("problem")).to_contain_text("The server cannot be reached")
        page.page.context.set_offline(False)
        page.at("problem").get_by_role("button", name="Try again").click()
        assert page.answer()["persons"]
        page.forgive("net::ERR_INTERNET_DISCONNECTED")


class TestPhone:
    def test_nothing_is_wider_than_the_screen_and_a_tap_tells(self, open_page: Open):
        page = open_page(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
        assert page.page.evaluate("() => document.documentElement.scrollWidth") <= 360
        page.at("sample-list").locator("button").first.tap()
        segment = largest(page.answer())
        assert page.page.evaluate("() => document.documentElement.scrollWidth") <= 360
        page.at("marks").scroll_into_view_if_needed()
        page.page.touchscreen.tap(*page.on_screen(inside(segment)))
        expect(page.at("detail")).to_contain_text(segment["label"])
        for eye in page.at("tree").locator(".eye").all():
            box = eye.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 24


def test_the_page_weighs_less_than_150_kb(page: Playground):
    page.page.wait_for_load_state("networkidle")
    entries = "['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind))"
    sizes = page.page.evaluate(f"() => {entries}.map((entry) => entry.decodedBodySize)")
    assert len(sizes) > 15  # the page, its style, its modules, what it asks, the samples' thumbnails
    assert sum(sizes) < 150_000


def test_the_page_may_call_nobody_else(page: Playground):
    page.forgive("Content Security Policy", "violates the document")
    script = "() => fetch('http://127.0.0.2:9/').then(() => 'called', () => 'refused')"
    assert page.page.evaluate(script) == "refused"
    assert not any("127.0.0.2" in asked for asked in page.asked)


def test_masks_cover_what_pycocotools_says(page: Playground):
    answer = page.sample()
    height, width = answer["image"]["height"], answer["image"]["width"]
    drawn = page.module(
        "masks",
        "({ PixelMap }, { segments, width, height }) => {"
        " const map = new PixelMap(width, height);"
        " for (const { id, mask } of segments) map.add(mask, id);"
        " return [...map.ids]; }",
        {"segments": answer["segments"], "width": width, "height": height},
    )
    expected = sum(segment["id"] * decoded(segment["mask"]).astype(int) for segment in answer["segments"])
    assert drawn == expected.ravel().tolist()
