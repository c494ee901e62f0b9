"""A Chromium for the browser tests: the one that is there, or one from npm, unpacked beside the interpreter.

`python -m tests.browser.chromium` gets it where none is found. The package carries the program itself, packed
with brotli; nothing else is downloaded, and nothing outside the virtual environment is written.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import playwright

PACKAGE = "@sparticuz/chromium@153.0.0"
# Another Chromium: the path of its program.
VARIABLE = "CHROMIUM"
FOLDER = Path(sys.prefix) / "chromium"
MISSING = "no Chromium was found, so the playground was not tested in a browser: `make browser` gets one"
_NAMES = ("chromium", "chromium-headless-shell", "google-chrome", "chrome")
_PARTS = ("chromium", "al2023.tar", "swiftshader.tar", "fonts.tar")
_UNPACK = (
    "const [from, to] = process.argv.slice(1), fs = require('fs'), zlib = require('zlib');"
    "fs.createReadStream(from).pipe(zlib.createBrotliDecompress()).pipe(fs.createWriteStream(to));"
)
_FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{folder}/fonts</dir><dir>/usr/share/fonts</dir><cachedir>{folder}/cache</cachedir></fontconfig>
"""


@dataclass(frozen=True, slots=True)
class Chromium:
    """A program and the environment variables that it needs."""

    program: Path
    environment: dict[str, str] = field(default_factory=dict)


def find() -> Chromium | None:
    """The Chromium that $CHROMIUM names, else the one of `get`, else one on the PATH."""
    if named := os.environ.get(VARIABLE):
        return Chromium(Path(named))
    if (FOLDER / "chromium").is_file():
        libraries = f"{FOLDER / 'lib'}:{FOLDER}"
        return Chromium(FOLDER / "chromium", {"LD_LIBRARY_PATH": libraries, "FONTCONFIG_PATH": str(FOLDER)})
    on_path = next(filter(None, map(shutil.which, _NAMES)), None)
    return Chromium(Path(on_path)) if on_path else None


def get(folder: Path = FOLDER) -> None:
    """Unpack the package's Chromium into `folder`; RuntimeError without npm or for another system."""
    npm = shutil.which("npm")
    if npm is None or sys.platform != "linux" or os.uname().machine != "x86_64":
        raise RuntimeError(
            f"install Chromium (Debian: apt-get install chromium), or name its program in ${VARIABLE}"
        )
    with tempfile.TemporaryDirectory(dir=sys.prefix) as place:
        quiet = ("--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--loglevel=error")
        subprocess.run([npm, "install", *quiet, "--prefix", place, PACKAGE], check=True)
        packed = Path(place) / "node_modules" / PACKAGE.rpartition("@")[0] / "bin"
        unpacked = Path(place) / "unpacked"
        unpacked.mkdir()
        for part in _PARTS:
            _unpack(packed / f"{part}.br", unpacked / part)
        (unpacked / "fonts.conf").write_text(_FONTS.format(folder=folder))
        (unpacked / "chromium").chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        unpacked.rename(folder)


def _unpack(source: Path, target: Path) -> None:
    # Python has no brotli; the node that drives Playwright does.
    node = Path(playwright.__file__).parent / "driver" / "node"
    subprocess.run([node, "-e", _UNPACK, source, target], check=True)
    if target.suffix == ".tar":
        with tarfile.open(target) as archive:
            archive.extractall(target.parent, filter="data")
        target.unlink()


def main() -> int:
    """Get a Chromium where there is none; the exit status."""
    try:
        if find() is None:
            get()
    except (RuntimeError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    found = find()
    sys.stdout.write(f"Chromium: {found.program if found else 'none'}\n")
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
