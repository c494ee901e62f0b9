"""Catalogues without Ray: what is listed, how addresses are read, what any end of a run leaves on disk."""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from model.parsing import Color, Kind, Parsing, Person, Segment
from service import errors, schemas
from service.catalogue import page, reading, rows, source, tagger
from service.catalogue.ending import Ending
from service.catalogue.keeping import Keeper
from service.catalogue.order import Order, asked
from service.catalogue.parts import CatalogueRefused, Parts
from service.catalogue.pool import FlowFailed, _telling
from service.catalogue.source import SourceUnreadable
from service.catalogue.summary import spread, summary
from service.schemas import Options
from service.settings import Settings

ASKED = asked("0123456789ab", Options())
AT = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def listed(of: str | Path, column: str | None = None) -> list[tuple[str, str]]:
    """(picture, listed_as) of everything in a source."""
    table = source.pictures(str(of), column).table
    return [(row["picture"], row["listed_as"]) for row in table.to_pylist()]


def table(path: Path, *lines: tuple[str, ...]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    return path


def answer(labels: list[str], side: int = 12) -> dict[str, Any]:
    """An answer of the service: a band of rows for each label."""
    segment_map = np.zeros((side, side + 1), np.uint16)
    segments = []
    for id_, label in enumerate(labels, start=1):
        segment_map[id_ - 1, id_ % 3 :] = id_
        colors = (Color("#101010", "black", 0.5),) * (id_ % 2)
        kind: Kind = "body" if label == "face" else "clothing"
        box = (id_ % 3, id_ - 1, side + 1 - id_ % 3, 1)
        segments.append(Segment(id_, label, kind, 1, 0.25, box, side + 1 - id_ % 3, ("upper body",), colors))
    ids = tuple(segment.id for segment in segments)
    person = Person(1, 0.5, (0, 0, side + 1, side), side * side, ids)
    parsing = Parsing(
        segment_map, np.ones_like(segment_map), (person,), tuple(segments), ("scarf",), ("dark",)
    )
    request = {"mask_format": "rle", "image": {"sha256": "00"}}
    return schemas.render(parsing, request, {"name": "m", "revision": "r"})


def block(*names: str, failing: bool = False) -> pa.Table:
    """What an actor sends of these pictures, each with two segments."""
    error = errors.ImageEmpty()
    told = [
        rows.failed(name, name, error, AT)
        if failing
        else rows.answered(name, name, answer(["coat", "face"]), AT, jpeg=b"jpeg")
        for name in names
    ]
    return pa.Table.from_pylist(told, schema=rows.SENT)


# Sources


def test_a_folder_gives_its_pictures_and_those_below_it(tmp_path: Path):
    (tmp_path / "b").mkdir()
    for name in ("b/2.JPG", "1.png", "notes.txt", "3.webp"):
        (tmp_path / name).touch()
    assert listed(tmp_path) == [(f"{tmp_path}/{name}", name) for name in ("1.png", "3.webp", "b/2.JPG")]


def test_a_pattern_gives_what_fits_it(tmp_path: Path):
    (tmp_path / "b").mkdir()
    for name in ("b/2.jpg", "1.jpg", "1.png"):
        (tmp_path / name).touch()
    assert listed(tmp_path / "*.jpg") == [(f"{tmp_path}/1.jpg", "1.jpg")]
    assert [name for _, name in listed(tmp_path / "**" / "*.jpg")] == ["1.jpg", "b/2.jpg"]


def test_a_tables_paths_begin_beside_it_and_repeated_ones_count_once(tmp_path: Path):
    lines = [
        ("sku", "Image_URL"),
        ("a", "x/1.jpg"),
        ("b", " https://a.example/2.jpg "),
        ("c", ""),
        ("d", "x/1.jpg"),
    ]
    found = source.pictures(str(table(tmp_path / "shop.csv", *lines)))
    assert found.table["picture"].to_pylist() == [f"{tmp_path}/x/1.jpg", "https://a.example/2.jpg"]
    assert found.table["listed_as"].to_pylist() == ["x/1.jpg", "https://a.example/2.jpg"]
    assert (found.repeated, found.empty) == (1, 1)


def test_a_parquet_tables_column_can_be_named(tmp_path: Path):
    path = tmp_path / "shop.parquet"
    parquet.write_table(pa.table({"front": ["/1.jpg"], "back": ["/2.jpg"]}), path)
    assert listed(path, "back") == [("/2.jpg", "/2.jpg")]
    with pytest.raises(SourceUnreadable, match="say with --column which of front, back"):
        listed(path)


def test_a_table_without_a_header_is_not_taken_for_one_with(tmp_path: Path):
    with pytest.raises(SourceUnreadable, match="--column"):
        listed(table(tmp_path / "shop.csv", ("https://a.example/1.jpg",), ("https://a.example/2.jpg",)))


def test_object_storage_is_listed_by_its_urls():
    store = fsspec.filesystem("memory")
    for name in ("/shop/1.jpg", "/shop/deep/2.png", "/shop/readme.md"):
        store.pipe(name, b"x")
    assert listed("memory://shop") == [
        ("memory:///shop/1.jpg", "1.jpg"),
        ("memory:///shop/deep/2.png", "deep/2.png"),
    ]


@pytest.mark.parametrize(
    "of", ["https://a.example/list.csv", "simplecache::http://a.example", "nothing/here", "nosuch://a/b"]
)
def test_what_is_no_source_is_refused(of: str):
    with pytest.raises(SourceUnreadable):
        source.pictures(of)


# Addresses


def codes(found: list[reading.Read]) -> list[str]:
    return [one.code if isinstance(one, errors.SpectrumError) else one.decode() for one in found]


def test_addresses_are_read_and_each_failure_stands_in_its_place(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"here")
    (tmp_path / "large").write_bytes(b"12345678")
    os.mkfifo(tmp_path / "pipe")
    names = ["missing", "a", "large", "pipe", "a/b"]
    found = reading.read([f"{tmp_path}/{name}" for name in names], Settings(max_image_bytes=7))
    assert codes(found) == ["image_missing", "here", "image_too_large", "image_missing", "image_missing"]


def test_urls_are_held_to_the_rules_of_the_service():
    urls = [
        "http://127.0.0.1/a",
        "https://user:x@a.example/a",
        "http://169.254.169.254/",
        "http://a.example:81/",
    ]
    found = reading.read(urls, Settings(url_timeout_seconds=5))
    assert codes(found) == ["url_refused", "url_invalid", "url_refused", "url_refused"]
    assert codes(reading.read(urls[:1], Settings(url_input=False))) == ["url_input_unavailable"]


def test_only_the_listed_storages_are_read():
    fsspec.filesystem("memory").pipe("/shop/1", b"kept")
    given = ["memory://shop/1", "filecache::http://a.example/1", "ftp://a.example/1"]
    assert codes(reading.read(given, Settings())) == ["url_invalid", "image_missing", "url_invalid"]
    allowed = Settings.model_validate({"catalogue_schemes": "memory, filecache, simplecache"})
    assert codes(reading.read(given, allowed)) == ["kept", "image_missing", "url_invalid"]
    chained = ["memory://shop/1::http://a.example/1", "memory://shop/none"]
    assert codes(reading.read(chained, allowed)) == ["url_invalid", "image_missing"]


# Rows


@given(st.lists(st.sampled_from(["coat", "hat", "face", "<b>"]), max_size=6))
def test_an_answer_comes_back_from_its_rows(labels: list[str]):
    given_ = answer(labels)
    came = pa.Table.from_pylist([rows.answered("p", "p", given_, AT)], schema=rows.SENT)
    kept = rows.tables(came)
    back = rows.answer(kept["pictures"].to_pylist()[0], kept["segments"].to_pylist())
    assert back == {name: given_[name] for name in back}
    assert set(given_) - set(back) == {"id", "object", "model", "timings_ms"}


def test_segments_go_to_their_own_picture_whatever_stands_between():
    came = pa.concat_tables([block("a"), block("torn", failing=True), block("b", "c")])
    segments = rows.tables(came)["segments"].to_pylist()
    assert [row["picture"] for row in segments] == ["a", "a", "b", "b", "c", "c"]
    assert {row["color"] for row in segments} == {"black", None}


# Parts


def test_what_is_kept_is_done_and_a_second_run_goes_on_behind_it(tmp_path: Path):
    parts = Parts(tmp_path / "out")
    with parts.opened(ASKED):
        parts.commit(block("a", "b"))
    again = Parts(tmp_path / "out")
    with again.opened(ASKED):
        assert again.done().to_pylist() == ["a", "b"]
        again.commit(block("c"))
    assert [path.name for path in again.of("pictures")] == ["part-000001.parquet", "part-000002.parquet"]
    assert again.rows() == 3 and len(again.read("segments")) == 6


def dying(folder: Path, after: int) -> None:
    """Commit two parts and die, as by SIGKILL, before file number `after` gets its name."""
    left = [after]

    class Deadly(type(folder)):  # type: ignore[misc]
        def replace(self, target: Any) -> Any:
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return super().replace(target)

    parts = Parts(Deadly(folder))
    with parts.opened(ASKED):
        parts.commit(block("a", "b"))
        parts.commit(block("c"))


@pytest.mark.parametrize("after", [0, 2, 3, 4, 6])
def test_a_run_killed_between_any_two_files_leaves_whole_parts_alone(tmp_path: Path, after: int):
    process = multiprocessing.get_context("spawn").Process(target=dying, args=(tmp_path, after))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    parts = Parts(tmp_path)
    with parts.opened(ASKED):
        done = parts.done().to_pylist()
        # catalogue.json first, then three files for each part, of which that of pictures comes last.
        assert done == [[], ["a", "b"]][after >= 4]
        assert sorted(set(parts.read("segments")["picture"].to_pylist())) == done
        assert not [path for path in tmp_path.rglob("*.new")]
        parts.commit(block("d"))
        assert parts.done().to_pylist() == [*done, "d"]


def test_one_folder_takes_one_run_at_a_time(tmp_path: Path):
    with Parts(tmp_path).opened(ASKED), pytest.raises(CatalogueRefused, match="another run"):
        Parts(tmp_path).opened(ASKED).__enter__()


@pytest.mark.parametrize(
    "changed",
    [
        asked("ba9876543210", Options()),
        asked("0123456789ab", Options(prompts=["coat"])),
        asked("0123456789ab", Options(min_score=0.5)),
        asked("0123456789ab", Options(mask_format="none")),
    ],
)
def test_another_question_is_refused_unless_the_old_answers_may_go(tmp_path: Path, changed: dict[str, Any]):
    parts = Parts(tmp_path)
    with parts.opened(ASKED):
        parts.commit(block("a"))
    with pytest.raises(CatalogueRefused, match="--overwrite"):
        parts.opened(changed).__enter__()
    assert parts.rows() == 1
    with parts.opened(changed, overwrite=True):
        assert parts.rows() == 0 and len(parts.read("segments")) == 0


def test_failed_pictures_can_be_forgotten_and_no_others(tmp_path: Path):
    parts = Parts(tmp_path)
    with parts.opened(ASKED):
        parts.commit(pa.concat_tables([block("a"), block("torn", failing=True)]))
        parts.commit(block("empty", failing=True))
        assert parts.forget_failed() == 2
        assert parts.done().to_pylist() == ["a"]
        parts.commit(block("torn"))
        assert parts.done().to_pylist() == ["a", "torn"]


def test_blocks_wait_for_each_other_up_to_a_number_of_rows(tmp_path: Path):
    parts = Parts(tmp_path)
    with parts.opened(ASKED):
        keeper = Keeper(parts, seconds=1e9, rows=3)
        keeper.add(block("a", "b"))
        assert parts.rows() == 0
        keeper.add(block("c", failing=True))
        assert (parts.rows(), keeper.pictures, keeper.failed) == (3, 3, 1)
        keeper.add(block("d"))
        keeper.keep()
        keeper.keep()
    assert [parquet.read_metadata(path).num_rows for path in parts.of("pictures")] == [3, 1]


# The end


def ends(actor: str, busy: int, *names: str) -> pa.Table:
    found = [{"picture": name, "actor": actor, "busy": busy} for name in names]
    return pa.Table.from_pylist(found, schema=tagger.SENT)


def test_a_signal_ends_a_run_once_no_actor_has_anything_in_hand(tmp_path: Path):
    ending = Ending(tmp_path / "stop")
    with ending.by_signals():
        assert not ending.reached(0)
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)  # a moment later: whoever sent the first one
    assert ending.signal == signal.SIGTERM and ending.stop.exists()
    assert ending.without_ends(ends("one", 1, "a", ""))["picture"].to_pylist() == ["a"]
    assert not ending.reached(2)
    ending.without_ends(ends("one", 0, ""))
    ending.without_ends(ends("one", 0, ""))
    assert not ending.reached(2)
    ending.without_ends(ends("two", 0, ""))
    assert ending.reached(2)


def test_a_second_signal_ends_a_run_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    ending = Ending(tmp_path / "stop")
    with ending.by_signals(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
        now = time.monotonic()
        monkeypatch.setattr("service.catalogue.ending.monotonic", lambda: now + 5)
        signal.raise_signal(signal.SIGINT)


def test_an_actor_is_told_no_secret(tmp_path: Path):
    secrets = {"api_key": "k" * 32, "webhook_secret": "w" * 32, "REDIS_URL": "redis://:pass@h"}
    settings = Settings.model_validate({**secrets, "max_pixels": 77})
    order = Order.of(settings, Options(), revision="r", threads=1, stop=tmp_path / "stop")
    assert not [secret for secret in (*secrets.values(), "pass") if secret in repr(order)]
    assert order.own_settings().max_pixels == 77


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 60))
def test_what_lies_decoded_at_once_stays_within_its_limit(sizes: list[int], limit: int):
    groups = list(tagger._groups(sizes, limit))
    assert [index for group in groups for index in group] == list(range(len(sizes)))
    assert all(len(group) == 1 or sum(sizes[i] for i in group) <= limit for group in groups)


# The page


def test_numbers_are_those_of_the_rows_and_the_page_escapes_them(tmp_path: Path):
    parts = Parts(tmp_path)
    with parts.opened(ASKED):
        odd = rows.answered("x/<i>.jpg", "", answer(["<script>", "face"]), AT, jpeg=b"<jpeg>")
        parts.commit(pa.Table.from_pylist([odd], schema=rows.SENT))
        parts.commit(pa.concat_tables([block("a"), block("torn", failing=True), block("a")]))
        counted = page.write(parts, ASKED)
    assert counted == summary(parts)
    assert (counted.pictures, counted.failed, counted.twice) == (4, 1, 1)
    assert counted.errors == [("image_empty", 1)]
    assert counted.labels == [("face", 3), ("coat", 2), ("<script>", 1)]
    assert counted.colors == [("black", 3)]
    told = json.loads((tmp_path / "summary.json").read_text())
    assert told["labels"]["coat"] == 2 and told["model"] == "0123456789ab"
    html = (tmp_path / "summary.html").read_text()
    assert "<script" not in html and "<i>" not in html
    assert "&lt;script&gt;" in html and "default-src 'none'" in html


def test_a_catalogue_of_failures_alone_has_a_page_too(tmp_path: Path):
    parts = Parts(tmp_path)
    with parts.opened(ASKED):
        parts.commit(block("torn", failing=True))
        assert page.write(parts, ASKED).persons == 0


@given(st.integers(0, 40), st.integers(1, 12))
def test_some_names_are_spread_over_all(count: int, wanted: int):
    names = [str(number) for number in range(count)]
    found = spread(names, wanted)
    assert len(found) == len(set(found)) == min(count, wanted)
    assert found == [name for name in names if name in found]


@pytest.mark.parametrize(
    "error, said",
    [
        (Exception("The current node timed out during startup.\nLogs are elsewhere."), "node timed out"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_a_ray_that_does_not_start_is_told_in_one_line(error: Exception, said: str):
    with pytest.raises(FlowFailed, match=f"Ray does not start: .*{said}") as told, _telling():
        raise error
    assert "\n" not in str(told.value)
