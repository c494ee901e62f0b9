"""What the benchmark of catalogues says of a folder that two runs have left."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.catalogue.parts import Parts
from service.programs import bench_catalogue as bench
from service.programs.roles import Refused
from tests.unit.test_catalogue import ASKED, block

BARE = (bench.Bare(pictures=2, seconds=4.0, rate=1.0), bench.Bare(pictures=2, seconds=4.0, rate=1.0))


def left(folder: Path, *runs: dict[str, float], names: tuple[str, ...] = ("a", "b", "c", "d")) -> Path:
    parts = Parts(folder)
    with parts.opened(ASKED):
        parts.commit(block(*names))
        for run in runs:
            parts.record({"pictures": 0, "first": 0, "seconds": 0.0, "first_seconds": 0.0, **run})
    return folder


def report(out: Path, **plan: object) -> bench.Report:
    order = bench.Plan([out], count=4, **plan)  # type: ignore[arg-type]
    return bench._report(order, out, BARE, 10.0, 2, 1, 1, "cpu")


def test_throughput_counts_every_start_and_work_leaves_them_out(tmp_path: Path):
    runs = [
        {"pictures": 2, "first": 1, "seconds": 5.0, "first_seconds": 4.0},
        {"pictures": 2, "first": 1, "seconds": 4.0, "first_seconds": 3.0},
    ]
    found = report(left(tmp_path, *runs), kill="term")
    assert (found.tag_pictures_per_second, found.bare_pictures_per_second) == (0.4, 0.5)
    assert found.throughput == 0.8
    assert (found.tag_at_work_per_second, found.at_work) == (1.0, 1.0)
    assert (found.kept, found.twice, found.computed_again) == (4, 0, 0)
    assert "0.800" in bench._table(found)


def test_pictures_done_twice_and_again_are_told(tmp_path: Path):
    runs = [{"pictures": 3, "seconds": 1.0}, {"pictures": 3, "seconds": 1.0}]
    found = report(left(tmp_path, *runs, names=("a", "b", "c", "d", "a")), kill="term")
    assert (found.twice, found.computed_again) == (1, 1)


def test_a_run_that_was_killed_cannot_tell_what_it_did_in_vain(tmp_path: Path):
    assert report(left(tmp_path, {"pictures": 2, "seconds": 1.0}), kill="kill").computed_again is None


def test_copies_have_names_of_their_own(tmp_path: Path):
    (tmp_path / "in").mkdir()
    for name in ("a.jpg", "b.PNG", "c.txt"):
        (tmp_path / "in" / name).write_text(name)
    copies = bench._copies(bench.Plan([tmp_path / "in"], count=5), tmp_path / "out")
    assert [path.read_text() for path in copies] == ["a.jpg", "b.PNG", "a.jpg", "b.PNG", "a.jpg"]
    assert len({path.name for path in copies}) == 5
    with pytest.raises(Refused):
        bench._copies(bench.Plan([tmp_path / "none"]), tmp_path / "more")
