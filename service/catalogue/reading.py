"""A picture's address -> its bytes, or the failure that the service would tell of it."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec

from service import errors
from service.catalogue.source import scheme_of
from service.settings import Settings
from service.web.fetch import Fetcher

Read = bytes | errors.SpectrumError


def read(addresses: Sequence[str], settings: Settings) -> list[Read]:
    """The bytes at each address, many at once; a failure stands in its own place.

    http and https go to the public internet alone, as the service's pictures by URL do. All else is a path,
    or an object in a storage whose scheme `catalogue_schemes` lists.
    """
    threads = min(len(addresses), settings.url_concurrency) or 1
    by_url = [i for i, address in enumerate(addresses) if scheme_of(address) in ("http", "https")]
    fetched = asyncio.run(_fetch([addresses[i] for i in by_url], settings)) if by_url else []
    found: dict[int, Read] = dict(zip(by_url, fetched, strict=True))
    rest = [i for i in range(len(addresses)) if i not in found]
    with ThreadPoolExecutor(threads) as pool:
        found.update(zip(rest, pool.map(lambda i: _stored(addresses[i], settings), rest), strict=True))
    return [found[i] for i in range(len(addresses))]


async def _fetch(urls: Sequence[str], settings: Settings) -> list[Read]:
    fetcher = Fetcher(settings)

    async def one(url: str) -> Read:
        try:
            if not settings.url_input:
                raise errors.UrlInputUnavailable("Pictures by URL are switched off.")
            return await fetcher.fetch(url)
        except errors.SpectrumError as error:
            return error

    return list(await asyncio.gather(*map(one, urls)))


def _stored(address: str, settings: Settings) -> Read:
    scheme = scheme_of(address)
    try:
        if not scheme:
            return _file(Path(address), settings.max_image_bytes)
        # A chain such as 'simplecache::http://…' would call addresses that nobody has checked.
        if scheme not in settings.catalogue_schemes or "::" in address:
            return errors.UrlInvalid(f"Pictures are not read from {scheme}://.")
        return _object(address, settings.max_image_bytes)
    except (FileNotFoundError, NotADirectoryError):
        return errors.ImageMissing("There is no such file.")
    except (OSError, ValueError) as error:
        return errors.ImageMissing(f"The file cannot be read ({type(error).__name__}).")
    except ImportError:
        return errors.UrlInvalid(f"The package that reads {scheme}:// is not installed.")
    except Exception as error:  # each storage has failures of its own
        return errors.UrlUnreachable(f"The storage failed ({type(error).__name__}).")


def _file(path: Path, limit: int) -> Read:
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):  # a pipe could be waited for for ever
        return errors.ImageMissing("This is no file.")
    return _too_large(facts.st_size, limit) or path.read_bytes()


def _object(address: str, limit: int) -> Read:
    fs, path = fsspec.core.url_to_fs(address)
    size = fs.size(path)
    if size is not None and (refused := _too_large(size, limit)):
        return refused
    return bytes(fs.cat_file(path, end=limit + 1))


def _too_large(size: int, limit: int) -> errors.ImageTooLarge | None:
    if size <= limit:
        return None
    return errors.ImageTooLarge(f"The picture has {size} bytes; the limit is {limit}.")
