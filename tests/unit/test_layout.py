"""What a newcomer may rely on in the tree itself: names, packages, declared dependencies, the Makefile."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]


def normal(name: str) -> str:
    """A distribution's name as indexes compare them: 'PyYAML>=6' -> 'pyyaml'."""
    bare = re.split(r"[\s\[<>=!~;(]", name.strip(), maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", bare).lower()


def listed(lines: list[str]) -> set[str]:
    """Names in a requirements file or list, comments and blank lines left out."""
    return {normal(line) for line in lines if line.strip() and not line.lstrip().startswith("#")}


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Top-level names of every package that a file imports, lazily or not."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def third_party(package: str) -> dict[str, Path]:
    """Each foreign distribution that a package of ours imports, with one file that does."""
    known = packages_distributions()
    found: dict[str, Path] = {}
    for path in sources(package):
        for name in imported(path):
            if name not in sys.stdlib_module_names and name not in ("model", "service"):
                found[normal(known.get(name, [name])[0])] = path
    return found


def needs(names: set[str]) -> set[str]:
    """These distributions and all that they bring along, extras left out."""
    seen: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        seen.add(name)
        wanted = {normal(line) for line in requires(name) or [] if "extra ==" not in line}
        waiting |= wanted & set(map(normal, _installed())) - seen
    return seen


def _installed() -> set[str]:
    return {name for names in packages_distributions().values() for name in names}


@pytest.mark.parametrize("package", ["service", "model"])
def test_a_package_opens_with_a_docstring_and_nothing_else(package: str) -> None:
    body = ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf8")).body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)


@pytest.mark.parametrize("package", ["service", "model"])
def test_no_file_hides_a_standard_module_when_run_as_a_script(package: str) -> None:
    hiding = {path.stem for path in (ROOT / package).iterdir()} & sys.stdlib_module_names
    assert not hiding


def test_no_folder_of_tests_hides_a_package() -> None:
    assert not [name for name in ("model", "service") if (ROOT / "tests" / name).exists()]


def test_every_package_that_the_code_imports_is_declared() -> None:
    declared = listed(PROJECT["dependencies"])
    for extra in ("train", "otel", "catalogue"):
        declared |= listed(PROJECT["optional-dependencies"][extra])
    # No extra can name a package without what it asks for; the Makefile installs this one alone.
    assert "--no-deps --constraint constraints.txt anny" in (ROOT / "Makefile").read_text(encoding="utf8")
    declared.add("anny")
    undeclared = {
        name: str(path.relative_to(ROOT))
        for package in ("service", "model")
        for name, path in third_party(package).items()
        if name not in declared
    }
    assert not undeclared


def test_every_declared_package_is_pinned() -> None:
    pinned = listed((ROOT / "constraints.txt").read_text(encoding="utf8").splitlines())
    declared = listed(PROJECT["dependencies"])
    for extra in PROJECT["optional-dependencies"].values():
        declared |= listed(extra)
    assert not declared - pinned


def test_every_pin_names_one_version_and_none_is_torchvision() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert not [line for line in pins if not re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*", line)]
    assert "torchvision" not in listed(pins)


def test_the_image_of_the_api_holds_what_the_api_loads_and_no_torch() -> None:
    image = listed((ROOT / "docker" / "api.txt").read_text(encoding="utf8").splitlines())
    assert image <= listed(PROJECT["dependencies"])
    held = needs(image)
    assert "torch" not in held
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, service.api, service.cli; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout.split()
    known = packages_distributions()
    names = {module.partition(".")[0] for module in loaded}
    # A name such as opentelemetry is shared by several packages: one of them in the image is enough.
    shared = {name: set(map(normal, known[name])) for name in names if name in known}
    foreign = {min(packages) for packages in shared.values() if not packages & held} - {"spectrum-parsing"}
    # What httpx's command line is made of, and what redis looks into certificates with: the libraries take
    # them along where something else installed them.
    optional = {"markdown-it-py", "mdurl", "pygments", "rich", "cffi", "cryptography", "pycparser", "psutil"}
    assert not foreign - held - optional - {"setuptools", "pip"}


def test_make_refuses_an_old_python_and_says_which_is_needed(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit 0\nexit 1\n')
    old.chmod(0o755)
    run = subprocess.run(
        ["make", f"PYTHON={old}", "serve"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode != 0
    assert "needs Python 3.11 or newer" in run.stderr and "3.9.2" in run.stderr
    assert not (tmp_path / ".venv").exists()
