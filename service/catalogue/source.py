"""What a catalogue is made of: a folder, a pattern, a table or object storage -> the pictures' addresses."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_TABLES = {".csv": ",", ".tsv": "\t", ".parquet": "", ".pq": ""}
# Names under which tables hold their pictures, the likeliest first.
_COLUMNS = ("picture", "image", "picture_url", "image_url", "url", "image_path", "path", "file", "file_name")
_MAGIC = re.compile(r"[*?[]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


class SourceUnreadable(ValueError):
    """The source is not there, is nothing that pictures are listed from, or cannot be read."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The pictures of a source, each once.

    `table` has `picture`, the absolute path or URL, and `listed_as`: the path within a folder, or a table's
    cell as it stands. `repeated` rows named a picture again, `empty` ones named none.
    """

    table: pa.Table
    repeated: int = 0
    empty: int = 0


def scheme_of(address: str) -> str:
    """'https' of 'https://…', '' of a path."""
    found = _SCHEME.match(address)
    return found[1].lower() if found else ""


def pictures(source: str, column: str | None = None) -> Listing:
    """List a source: a folder with all below it, a pattern with *, ? or **, a table (.csv, .tsv, .parquet)
    of paths and URLs in `column`, one picture, or any of these in object storage by its fsspec URL.

    SourceUnreadable for all else, and where a table's column cannot be told.
    """
    if scheme_of(source) in ("http", "https") or "::" in source:
        raise SourceUnreadable(f"{source} is not listed: give a folder, a table or object storage.")
    try:
        return _pictures(source, column)
    except SourceUnreadable:
        raise
    except ImportError as error:
        raise SourceUnreadable(f"{source} needs another package: {error}.") from error
    except (OSError, ValueError, pa.ArrowException) as error:
        raise SourceUnreadable(f"{source} cannot be read: {_first_line(error)}.") from error


def _pictures(source: str, column: str | None) -> Listing:
    suffix = posixpath.splitext(source.lower())[1]
    if suffix in _TABLES and not _MAGIC.search(source):
        return _of_table(source, suffix, column)
    if column is not None:
        raise SourceUnreadable(f"{source} is no table: it has no column {column!r}.")
    root, found = _found(source)
    named = sorted(path for path in found if path.lower().endswith(SUFFIXES))
    if not named:
        raise SourceUnreadable(f"there is no picture in {source}.")
    return _once(named, [_below(path, root) for path in named])


def _found(source: str) -> tuple[str, list[str]]:
    """(root, addresses of all files): what lies in a folder or fits a pattern."""
    if not scheme_of(source):
        source = os.path.abspath(source)
        if os.path.isdir(source):
            return source, [os.path.join(at, name) for at, _, names in os.walk(source) for name in names]
    fs, path = fsspec.core.url_to_fs(source)
    if _MAGIC.search(path) and not fs.exists(path):
        root = posixpath.dirname(path[: _MAGIC.search(path).start()])  # type: ignore[union-attr]
        found = [name for name in fs.glob(path) if not fs.isdir(name)]
    elif fs.isfile(path):
        root, found = posixpath.dirname(path), [path]
    elif fs.exists(path):
        root, found = path, fs.find(path)
    else:
        raise SourceUnreadable(f"there is no {source}.")
    if not scheme_of(source):
        return root, found
    return fs.unstrip_protocol(root), [fs.unstrip_protocol(name) for name in found]


def _below(path: str, root: str) -> str:
    return path.removeprefix(root).lstrip("/") or posixpath.basename(path)


def _of_table(source: str, suffix: str, column: str | None) -> Listing:
    cells = _column(source, suffix, column)
    text = pc.utf8_trim_whitespace(cells.cast(pa.string()))
    listed = [cell for cell in text.to_pylist() if cell]
    if not listed:
        raise SourceUnreadable(f"{source} names no picture.")
    home = _home(source)
    return _once([_at(cell, home) for cell in listed], listed, empty=len(text) - len(listed))


def _column(source: str, suffix: str, column: str | None) -> Any:
    """The cells of the table's column of pictures."""
    with fsspec.open(source, "rb") as file:
        if suffix in (".parquet", ".pq"):
            names = parquet.read_schema(file).names
            column = _chosen(names, column, source)
            return parquet.read_table(file, columns=[column])[column]
        names = _header(file, _TABLES[suffix])
        column = _chosen(names, column, source)
        file.seek(0)
        table = csv.read_csv(
            file,
            parse_options=csv.ParseOptions(delimiter=_TABLES[suffix], newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                include_columns=[column], column_types={column: pa.string()}, strings_can_be_null=True
            ),
        )
        return table[column]


def _header(file: Any, delimiter: str) -> list[str]:
    options = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    names: list[str] = csv.open_csv(file, parse_options=options).schema.names
    return names


def _chosen(names: list[str], column: str | None, source: str) -> str:
    """The column that was named, or the only one, or the first that is named like pictures."""
    if column is not None:
        if column not in names:
            raise SourceUnreadable(f"{source} has no column {column!r}, but {', '.join(names)}.")
        return column
    by_name = {name.strip().lower(): name for name in reversed(names)}
    for usual in _COLUMNS:
        if usual in by_name:
            return by_name[usual]
    if len(names) == 1 and not (scheme_of(names[0]) or names[0].lower().endswith(SUFFIXES)):
        return names[0]
    raise SourceUnreadable(f"say with --column which of {', '.join(names)} in {source} holds the pictures.")


def _home(source: str) -> str:
    """Where a table's relative paths begin: beside it."""
    return posixpath.dirname(source) if scheme_of(source) else os.path.dirname(os.path.abspath(source))


def _at(cell: str, home: str) -> str:
    if scheme_of(cell) or posixpath.isabs(cell):
        return cell
    joined = f"{home}/{cell}"
    return joined if scheme_of(home) else os.path.normpath(joined)


def _once(addresses: Iterable[str], listed: Iterable[str], empty: int = 0) -> Listing:
    first: dict[str, str] = {}
    count = 0
    for address, cell in zip(addresses, listed, strict=True):
        first.setdefault(address, cell)
        count += 1
    table = pa.table({"picture": list(first), "listed_as": list(first.values())}, schema=SCHEMA)
    return Listing(table, repeated=count - len(first), empty=empty)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


SCHEMA = pa.schema([("picture", pa.string()), ("listed_as", pa.string())])
