"""Threads for the CPUs that a container may use, by the files of both versions of cgroups."""

from __future__ import annotations

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
