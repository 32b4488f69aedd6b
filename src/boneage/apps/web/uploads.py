"""The parts of a multipart body in memory; nothing of it is written to a file."""

from __future__ import annotations

from dataclasses import dataclass, field

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.exceptions import HTTPException

MAX_PARTS = 1000


@dataclass
class Part:
    """One field of a form; ``filename`` is None for text."""

    name: str = ""
    filename: str | None = None
    data: bytearray = field(default_factory=bytearray)

    @property
    def text(self) -> str:
        """The field as text; HTTPException 422 if it is not UTF-8."""
        try:
            return self.data.decode()
        except UnicodeDecodeError:
            raise HTTPException(422, f"the field {self.name[:40]!r} is not text in UTF-8") from None


def parts_of(body: bytes, content_type: str) -> list[Part]:
    """All parts in order; HTTPException 400 if the body is damaged, 413 if it has too many parts."""
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise HTTPException(400, "a form needs the content type multipart/form-data with a boundary")
    if body.count(b"--" + boundary) > MAX_PARTS + 1:  # checked first, as parts cost the parser far more time than bytes
        raise HTTPException(413, f"a form may have {MAX_PARTS} parts at most")
    collector = _Collector()
    try:
        parser = MultipartParser(boundary, collector.callbacks())  # type: ignore[arg-type]
        parser.write(body)
        parser.finalize()
    except FormParserError:
        raise HTTPException(400, "the form is damaged: it does not follow its own boundary") from None
    if not collector.ended:
        raise HTTPException(400, "the form is cut short")
    return collector.parts


class _Collector:
    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.ended = False
        self._name, self._value = bytearray(), bytearray()

    def callbacks(self) -> dict[str, object]:
        """The methods that the parser calls, by its names for them."""
        names = ("part_begin", "part_data", "header_field", "header_value", "header_end", "end")
        return {f"on_{name}": getattr(self, name) for name in names}

    def part_begin(self) -> None:
        if len(self.parts) >= MAX_PARTS:
            raise HTTPException(413, f"a form may have {MAX_PARTS} parts at most")
        self.parts.append(Part())

    def part_data(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].data += memoryview(data)[start:end]

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._value))
            part = self.parts[-1]
            part.name = options.get(b"name", b"").decode("utf-8", "replace")
            if b"filename" in options:
                part.filename = options[b"filename"].decode("utf-8", "replace")
        self._name.clear()
        self._value.clear()

    def end(self) -> None:
        self.ended = True
