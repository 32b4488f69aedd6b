"""Films in an object store: listed, and fetched as bytes.

pyarrow brings clients of S3, Google's and Azure's stores along; any other protocol is fsspec's, where its package is
installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from inspect import signature
from typing import TYPE_CHECKING, Any

from ...errors import BadConfig, BadTable, MissingPackage, UnreadableImage
from ...images.formats import ending, is_films
from ...images.pixels import MAX_BYTES
from ...types import Sex
from ..batch import Notes
from .planned import Planned, as_text

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_AZURE, _GOOGLE = {"abfs", "abfss"}, {"gs", "gcs"}
_S3S = ("region", "endpoint_override", "scheme", "anonymous")  # options of an address: it stands in every row
_AZURES = ("account_name", *(f"{one}_storage_{what}" for one in ("blob", "dfs") for what in ("authority", "scheme")))
_SECONDS = {"connect_timeout": 10.0, "request_timeout": 60.0}
_TRIES = 5  # of a request that fails for a reason that may pass


def is_address(name: str) -> bool:
    """Whether a name is an address such as ``s3://bucket/films``, and no path of this machine."""
    return _ADDRESS.match(name) is not None


def films(address: str, sex: Sex | None, notes: Notes) -> Iterator[Planned]:
    """The films below an address, prefix by prefix in the order of their names, depth first.

    An object is taken by its name alone: to look into each would be a request for each. One without an ending, or with
    one of numbers alone as a DICOM UID has, is taken too, and fails when it is read if it is no film.

    Raises:
        BadConfig: if nobody knows the store (MissingPackage: by the packages that are installed).
        BadTable: if the store cannot be reached, or does not let its objects be listed.
        UnreadableImage: if there is no film.
    """
    from pyarrow.fs import FileSelector, FileType

    protocol, query = address.partition("://")[0], address.partition("?")[2]
    system, root = _opened(address)
    waiting, passed, count = [root], 0, 0
    while waiting:
        place = waiting.pop()
        try:
            found = system.get_file_info(FileSelector(place))
        except Exception as error:  # each client has errors of its own
            raise BadTable(f"{protocol}://{place} cannot be listed: {_words(error)}") from None
        below = []
        for entry in sorted(found, key=lambda entry: entry.path):
            if entry.type == FileType.Directory:
                below.append(entry.path)
            elif not (last := ending(entry.base_name)) or is_films(last):
                count += 1
                yield _planned(entry, protocol, query, root, sex)
            else:
                passed += 1
        waiting += reversed(below)
    if not count:
        raise UnreadableImage(f"{address} holds no object that is named like a film, of {passed:,}")
    notes.after += [f"{address}: {passed:,} objects were passed over by their names"] if passed else []


def fetched(address: str) -> tuple[bytes, int | None]:
    """The bytes of an object, and when it was written, in nanoseconds since 1970, where the store says.

    Raises:
        MissingPackage: if the package for the store is not installed.
        UnreadableImage: if it is not there, too large or cannot be fetched.
    """
    try:
        system, path = _opened(address)
        with system.open_input_stream(path) as file:  # one request for what it is, one for its bytes
            data = file.read(MAX_BYTES + 1)
            if len(data) > MAX_BYTES:
                raise UnreadableImage(f"it has more than the limit of {MAX_BYTES:,} bytes")
            return data, _written(file.metadata().get("Last-Modified", b"").decode())
    except FileNotFoundError:
        raise UnreadableImage(f"cannot read {address}: there is no such object") from None
    except MissingPackage:
        raise
    except (BadConfig, UnreadableImage) as error:
        raise UnreadableImage(f"cannot read {address}: {error}") from None
    except Exception as error:
        raise UnreadableImage(f"cannot read {address}: {_words(error)}") from None


def _written(words: str) -> int | None:
    """When an object was written, by its header; None where it does not say."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        with suppress(ValueError, TypeError):
            return int(read(words).timestamp()) * 10**9
    return None


def _planned(entry: FileInfo, protocol: str, query: str, root: str, sex: Sex | None) -> Planned:
    name = entry.path.strip("/")[len(root.strip("/")) :].lstrip("/")
    address = f"{protocol}://{entry.path}" + (f"?{query}" if query else "")
    return Planned(as_text(name), address, entry.size, entry.mtime_ns, sex)


def _opened(address: str) -> tuple[FileSystem, str]:
    """The file system of an address, and the path in it. BadConfig for an address of which nobody knows the store."""
    protocol, _, rest = address.partition("://")
    path, _, query = rest.partition("?")
    try:
        return _system(protocol.lower(), path.partition("/")[0], query), path.rstrip("/")
    except ImportError as error:
        raise MissingPackage(f"{address}: the package {error.name or 'for this store'} is not installed") from None
    except Exception as error:
        raise BadConfig(f"{protocol}://{path} is no address of a store: {_words(error)}") from None


@lru_cache(maxsize=8)
def _system(protocol: str, first: str, query: str) -> Any:
    """The client for addresses that begin in this way; it keeps its connections."""
    from pyarrow import fs

    if protocol == "s3":
        options = _options(query, _S3S)
        is_anonymous = options.pop("anonymous", "") == "true"
        retries = fs.AwsStandardS3RetryStrategy(max_attempts=_TRIES)
        return fs.S3FileSystem(anonymous=is_anonymous, retry_strategy=retries, **_SECONDS, **options)
    if protocol in _AZURE:
        options = _options(query, _AZURES)
        if "account_name" not in options:
            raise ValueError(f"its account is missing: {protocol}://CONTAINER/PREFIX?account_name=NAME")
        return fs.AzureFileSystem(**options)
    if protocol in _GOOGLE:
        system, _ = fs.FileSystem.from_uri(f"{protocol}://{first}" + (f"?{query}" if query else ""))
        return system
    return fs.PyFileSystem(fs.FSSpecHandler(_of_fsspec(protocol)))


def _of_fsspec(protocol: str) -> Any:
    """fsspec's client of a protocol. ValueError for one that an address alone does not open."""
    import fsspec

    client = fsspec.get_filesystem_class(protocol)
    asked = list(signature(client.__init__).parameters.values())[1:]
    needed = [one.name for one in asked if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD]
    if needed:
        raise ValueError(
            f"the client of {protocol}:// needs its {' and '.join(needed)}, which an address does not give"
        )
    return client()


def _options(query: str, known: tuple[str, ...]) -> dict[str, str]:
    """What stands after the question mark. ValueError for an option that is none of the known."""
    options = dict(part.partition("=")[::2] for part in query.split("&") if part)
    if strange := options.keys() - known:
        raise ValueError(f"{min(strange)} is none of {', '.join(known)}; credentials are the environment's")
    return options


def _words(error: Exception) -> str:
    """The first line of a client's message, without what it may quote of the machine."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
