"""Threads for the CPUs that a container may use, by the files of both versions of cgroups."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from model import cpus


def wrote(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own"
    path.write_text("0::/kubepods/pod7/worker\n")
    return path


def test_a_limit_of_version_two_counts_cpus(tmp_path, own):
    wrote(tmp_path / "kubepods/pod7/worker", cpu__max="150000 100000")
    assert cpus.quota(tmp_path, own) == 1.5


def test_the_tightest_limit_above_counts(tmp_path, own):
    wrote(tmp_path / "kubepods/pod7/worker", cpu__max="max 100000")
    wrote(tmp_path / "kubepods/pod7", cpu__max="200000 100000")
    wrote(tmp_path / "kubepods", cpu__max="800000 100000")
    assert cpus.quota(tmp_path, own) == 2


def test_a_container_that_sees_its_own_cgroup_as_the_root_is_limited_too(tmp_path):
    wrote(tmp_path, cpu__max="300000 100000")
    assert cpus.quota(tmp_path, tmp_path / "absent") == 3


def test_a_limit_of_version_one_counts_cpus(tmp_path):
    (tmp_path / "own").write_text("7:memory:/docker/a\n4:cpu,cpuacct:/docker/a\n")
    wrote(tmp_path / "cpu,cpuacct/docker/a", cpu__cfs_quota_us="250000\n", cpu__cfs_period_us="100000\n")
    assert cpus.quota(tmp_path, tmp_path / "own") == 2.5


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"cpu__max": "max 100000"},
        {"cpu__max": "nonsense"},
        {"cpu__max": "100000 0"},
        {"cpu__cfs_quota_us": "-1", "cpu__cfs_period_us": "100000"},
    ],
)
def test_no_limit_is_none(tmp_path, own, files):
    wrote(tmp_path, **files)
    assert cpus.quota(tmp_path, own) is None


@pytest.mark.parametrize(
    ("cores", "limit", "expected"), [(64, 2.0, 2), (64, 1.5, 1), (64, 0.2, 1), (2, 16.0, 2), (8, None, 8)]
)
def test_threads_are_the_whole_cpus_of_the_limit(cores, limit, expected):
    assert cpus.threads(cores, limit) == expected


def test_what_the_environment_says_of_threads_stands(tmp_path, own):
    wrote(tmp_path, cpu__max="200000 100000")
    assert cpus.fitting(64, {"OMP_NUM_THREADS": "5"}, tmp_path, own) == 64
    assert cpus.fitting(64, {}, tmp_path, own) == 2


def test_more_compiled_products_are_kept_than_by_default_unless_the_operator_says_how_many():
    free: dict[str, str] = {}
    told = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "7"}
    cpus.keep_primitives(free)
    cpus.keep_primitives(told)
    assert int(free["ONEDNN_PRIMITIVE_CACHE_CAPACITY"]) > 1024
    assert told == {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "7"}


PROGRAM = """
import os, sys, numpy, torch
torch.set_num_threads(1)
if sys.argv[1] == "keep":
    from model import cpus
    cpus.keep_primitives()
os.environ["ONEDNN_VERBOSE"] = "profile_create"
for turn in range(2):
    print("turn", flush=True)
    for width in range(64, 64 + 1200):
        torch.mm(torch.zeros(8, 16, dtype=torch.bfloat16), torch.zeros(16, width, dtype=torch.bfloat16))
"""


def test_what_was_compiled_once_is_still_there_when_it_is_wanted_again():
    """Told by oneDNN itself, where it computes products of bfloat16 at all."""
    made = []
    for way in ("keep", "leave"):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("ONEDNN")}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, way], capture_output=True, text=True, check=True, env=clean
        )
        *_, second = done.stdout.split("turn")
        made.append(second.count("create:cache_miss"))
    if made[1] == 0:
        pytest.skip("oneDNN compiles no products of bfloat16 on this processor")
    assert made[0] == 0
