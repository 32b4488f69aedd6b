"""The text of a PDF."""

from __future__ import annotations

import base64
import re
import zlib


def printed(pdf: bytes) -> str:
    """The lines of text of a PDF's one page."""
    streams = re.findall(rb"/ASCII85Decode /FlateDecode \].*?stream\n(.*?~>)endstream", pdf, re.DOTALL)
    text = b"\n".join(zlib.decompress(base64.a85decode(b"<~" + one, adobe=True)) for one in streams)
    return "\n".join(re.findall(r"\((.*)\) Tj", text.decode("latin-1")))
