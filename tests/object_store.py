"""An object store that speaks as much of S3's protocol as a reader needs: listing page by page, HEAD, GET of ranges.

No program with the protocol is light enough for the tests. The client is the real one.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE = 3  # keys in an answer: few, so that every listing has several pages
WRITTEN = 1_700_000_000  # seconds since 1970, of every object


class ObjectStore(ThreadingHTTPServer):
    """Buckets of objects, by their names and keys.

    Attributes:
        buckets: what is there.
        asked: what was asked for, such as ``GET /films/a.png``.
        failing: keys that are answered with 403.
    """

    daemon_threads = True

    def __init__(self, buckets: dict[str, dict[str, bytes]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.buckets, self.asked, self.failing = buckets, list[str](), set[str]()

    def address(self, place: str) -> str:
        """The address of ``bucket/key`` as the program takes it."""
        return (
            f"s3://{place}?endpoint_override=127.0.0.1:{self.server_port}&scheme=http&region=us-east-1&anonymous=true"
        )


class _Handler(BaseHTTPRequestHandler):
    server: ObjectStore
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """A listing, or an object."""
        parts = urlsplit(self.path)
        bucket, _, key = unquote(parts.path.lstrip("/")).partition("/")
        self.server.asked.append(f"{self.command} {bucket}/{key}")
        objects = self.server.buckets.get(bucket)
        if objects is None or key in self.server.failing:
            self._answer(404 if objects is None else 403, _error("NoSuchBucket" if objects is None else "AccessDenied"))
        elif not key and self.command == "GET":
            self._answer(200, _listing(bucket, objects, {name: one[0] for name, one in parse_qs(parts.query).items()}))
        elif key not in objects:
            self._answer(404, _error("NoSuchKey"))
        else:
            self._object(objects[key])

    do_HEAD = do_GET

    def _object(self, data: bytes) -> None:
        asked, whole = self.headers.get("Range"), len(data)
        if asked and self.command == "GET":
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last or whole), whole - 1)
            self._answer(206, data[start : end + 1], {"Content-Range": f"bytes {start}-{end}/{whole}"})
        else:
            self._answer(200, data)

    def _answer(self, code: int, body: bytes, more: dict[str, str] | None = None) -> None:
        self.send_response(code)
        headers = {"Content-Length": str(len(body)), "Last-Modified": formatdate(WRITTEN, usegmt=True)}
        headers |= {"ETag": f'"{hashlib.md5(body).hexdigest()}"', "Content-Type": "application/xml"}
        for name, value in (headers | (more or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


def _listing(bucket: str, objects: dict[str, bytes], query: dict[str, str]) -> bytes:
    """An answer to ListObjectsV2 from where the last one ended."""
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    found: dict[str, bytes | None] = {}
    for key in sorted(key for key in objects if key.startswith(prefix)):
        stem, sign, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
        found[prefix + stem + sign if sign else key] = None if sign else objects[key]
    names = [name for name in found if name > query.get("continuation-token", "")]
    page, more = names[: min(PAGE, int(query.get("max-keys", PAGE)))], len(names) > PAGE
    entries = "".join(_entry(name, found[name]) for name in page)
    token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
    head = f"<Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount>"
    ending = f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}"
    space = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    return f"<ListBucketResult {space}>{head}{ending}{entries}</ListBucketResult>".encode()


def _entry(name: str, data: bytes | None) -> str:
    if data is None:
        return f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
    when = "2023-11-14T22:13:20.000Z"  # `WRITTEN`
    return (
        f"<Contents><Key>{escape(name)}</Key><LastModified>{when}</LastModified>"
        f"<Size>{len(data)}</Size><StorageClass>STANDARD</StorageClass></Contents>"
    )


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>it is so</Message></Error>".encode()


@contextlib.contextmanager
def object_store(**buckets: dict[str, bytes]) -> Iterator[ObjectStore]:
    """A store with these buckets, until the end of the block."""
    server = ObjectStore(buckets)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
