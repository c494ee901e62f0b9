"""A catalogue on disk: Parquet in small parts, each there as a whole or not at all.

    catalogue.json               what was asked, and of which model
    pictures/part-000001.parquet a row for each picture; what is in here is done
    segments/part-000001.parquet a row for each segment of the pictures of that part
    thumbnails/...               some of its pictures under their segments, for the page of numbers
    runs.jsonl                   a line for each run that came to its end

The segments of a part are written before its pictures: what a killed run leaves half is a part of segments
without its pictures, or a file under a name that no reader takes up. Both go when the next run starts.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from service.catalogue import rows

_PART = re.compile(r"part-(\d{6,})\.parquet")
_UNFINISHED = re.compile(r"\.part-\d{6,}\.parquet\.new")


class CatalogueRefused(ValueError):
    """The folder holds a catalogue that this run cannot go on with, or another run is writing it."""


class Parts:
    """One catalogue's folder. Who writes holds it open with `opened`; only one may at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stop = folder / ".stop"  # there while those who compute should take nothing more
        self._next = 1

    @contextmanager
    def opened(self, asked: dict[str, Any], *, overwrite: bool = False) -> Iterator[None]:
        """Take the folder for one run, made where it is not there; what a killed run left half is removed.

        CatalogueRefused where another run holds it, or where it was asked other than `asked` before and is
        not to be begun anew (`overwrite`).
        """
        for kind in rows.TABLES:
            (self.folder / kind).mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise CatalogueRefused(f"another run is writing {self.folder}.") from error
            if overwrite:
                self._clear()
            self._agree(asked)
            self._tidy()
            yield
            self.stop.unlink(missing_ok=True)

    def done(self) -> pa.ChunkedArray:
        """The pictures that have a row."""
        return self.read("pictures", ["picture"])["picture"]

    def read(self, kind: str, columns: list[str] | None = None, where: str | None = None) -> pa.Table:
        """One of the tables by name (`rows.TABLES`): some columns, or the rows of the picture `where`."""
        schema = rows.TABLES[kind]
        wanted = schema if columns is None else pa.schema([schema.field(name) for name in columns])
        only = None if where is None else pc.field("picture") == where
        read = [
            parquet.read_table(path, columns=wanted.names, filters=only, partitioning=None)
            for path in self.of(kind)
        ]
        return pa.concat_tables([wanted.empty_table(), *(table.cast(wanted) for table in read)])

    def of(self, kind: str) -> list[Path]:
        """The parts of one of the tables, in the order in which they were written."""
        folder = self.folder / kind
        found = folder.iterdir() if folder.is_dir() else ()
        return sorted(path for path in found if _PART.fullmatch(path.name))

    def answer(self, picture: str) -> dict[str, Any]:
        """The service's answer again, of one picture. KeyError where it has none."""
        found = self.read("pictures", where=picture).to_pylist()
        if not found or found[0]["error_code"] is not None:
            raise KeyError(picture)
        return rows.answer(found[0], self.read("segments", where=picture).to_pylist())

    def rows(self) -> int:
        """Pictures that have a row, by the parts' footers alone."""
        return sum(parquet.read_metadata(path).num_rows for path in self.of("pictures"))

    def record(self, run: dict[str, Any]) -> None:
        """Remember a run that came to its end, by itself or by a signal."""
        with (self.folder / "runs.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(run) + "\n")

    def runs(self) -> list[dict[str, Any]]:
        """The runs that were remembered, the first one first."""
        path = self.folder / "runs.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def commit(self, came: pa.Table) -> None:
        """Keep what came as one more part: all of it, or, if we are killed, nothing."""
        for kind, table in rows.tables(came).items():  # pictures last: what is in there is done
            if len(table):
                _write(table, self.folder / kind / f"part-{self._next:06}.parquet")
        self._next += 1

    def forget_failed(self) -> int:
        """Drop the rows of pictures that failed, so that they are tried again; returns how many."""
        dropped = 0
        for path in self.of("pictures"):
            table = parquet.read_table(path, partitioning=None)
            kept = table.filter(pc.is_null(table["error_code"]))
            if len(kept) == len(table):
                continue
            dropped += len(table) - len(kept)
            _write(kept, path)
        return dropped

    def _agree(self, asked: dict[str, Any]) -> None:
        path = self.folder / "catalogue.json"
        wanted = {**asked, "layout": rows.LAYOUT}
        if not path.exists():
            if self.of("pictures"):
                raise CatalogueRefused(
                    f"{self.folder} holds parts, but no catalogue.json. Choose another --out."
                )
            write_text(path, json.dumps(wanted, indent=1) + "\n")
            return
        before = json.loads(path.read_text(encoding="utf-8"))
        changed = [name for name in wanted if before.get(name) != wanted[name]]
        if changed:
            told = "; ".join(
                f"{name} was {_short(before.get(name))}, now {_short(wanted[name])}" for name in changed
            )
            raise CatalogueRefused(
                f"{self.folder} was made otherwise: {told}. "
                "Choose another --out, or --overwrite to begin anew."
            )

    def _clear(self) -> None:
        """Pictures first: segments alone count for nothing, should we be killed meanwhile."""
        for kind in reversed(rows.TABLES):
            for path in self.of(kind):
                path.unlink()
        for name in ("runs.jsonl", "catalogue.json"):
            (self.folder / name).unlink(missing_ok=True)

    def _tidy(self) -> None:
        whole = {path.name for path in self.of("pictures")}
        for kind in rows.TABLES:
            for path in (self.folder / kind).iterdir():
                orphan = _PART.fullmatch(path.name) and path.name not in whole
                if orphan or _UNFINISHED.fullmatch(path.name):
                    path.unlink()
        self.stop.unlink(missing_ok=True)
        self._next = 1 + max((int(_PART.fullmatch(name)[1]) for name in whole), default=0)  # type: ignore[index]


def write_text(path: Path, text: str) -> None:
    """A file that is there as a whole or as it was before."""
    _replace(path, lambda file: file.write(text.encode()))


def _write(table: pa.Table, path: Path) -> None:
    _replace(path, lambda file: parquet.write_table(table, file, compression="zstd"))


def _replace(path: Path, write: Callable[[Any], object]) -> None:
    unfinished = path.with_name(f".{path.name}.new")
    with unfinished.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 200 else text[:200] + "…"
