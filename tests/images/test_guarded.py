"""Which files are decoded by a process with limits, and that this changes no film."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dicom_files import TWELVE, dicom, written
from hands import hand
from picture_files import RGB, G, saved

import boneage
from boneage.errors import UnreadableImage
from boneage.images import guarded
from boneage.images.decoder_pool import DecoderPool
from boneage.images.guarded import MOST_CHUNKS, MOST_ENTRIES, MOST_ITEMS, MOST_PAGES, MOST_SCANS, is_plainly_cheap


def tiff(entries: int, pages: int) -> bytes:
    """Directories of so many empty entries each, one after the other."""
    length, data = 2 + 12 * entries + 4, b"II*\0\x08\0\0\0"
    for page in range(pages):
        following = 8 + (page + 1) * length if page + 1 < pages else 0
        data += entries.to_bytes(2, "little") + bytes(12 * entries) + following.to_bytes(4, "little")
    return data


DEFLATED = b"\x02\x00\x10\x00UI\x16\x001.2.840.10008.1.2.1.99"
CHEAP = {
    "png": hand(),
    "jpeg": saved(RGB, "JPEG"),
    "progressive jpeg": saved(RGB, "JPEG", progressive=True),
    "tiff": saved(G, "TIFF"),
    "webp": saved(RGB, "WebP"),
    "dicom": written(dicom(TWELVE)),
    "text": b"Dear reader,",
    "nothing": b"",
    "tiff pages": tiff(12, 8),
}
DEAR = {
    "gzip": gzip.compress(hand()),
    "scans": saved(RGB, "JPEG") + b"\xff\xda" * MOST_SCANS,
    "chunks": hand() + b"IDAT" * MOST_CHUNKS,
    "items": written(dicom(TWELVE)) + b"\xfe\xff\x00\xe0" * (MOST_ITEMS + 1),
    "deflated": bytes(128) + b"DICM" + DEFLATED,
    "long header": bytes(128) + b"DICM" + bytes(2**20),
    "entries": tiff(MOST_ENTRIES + 1, 1),
    "pages": tiff(1, MOST_PAGES + 1),
    "pages in a circle": b"II*\0\x08\0\0\0" + bytes(2) + b"\x08\0\0\0",
    "large tiff": b"II+\0\x08\0\0\0" + bytes(8),
}


@pytest.mark.parametrize("name", CHEAP)
def test_ordinary_files_are_plainly_cheap(name: str) -> None:
    assert is_plainly_cheap(CHEAP[name])


@pytest.mark.parametrize("name", DEAR)
def test_files_that_may_cost_much_are_not(name: str) -> None:
    assert not is_plainly_cheap(DEAR[name])


def test_a_cheap_film_is_read_here_and_a_dear_one_elsewhere_both_alike(tmp_path: Path) -> None:
    plain, packed = tmp_path / "hand.png", tmp_path / "hand.png.gz"
    plain.write_bytes(hand())
    packed.write_bytes(gzip.compress(hand()))
    for path in (plain, packed):
        film, expected = guarded.read(path), boneage.read(path)
        np.testing.assert_array_equal(film.pixels, expected.pixels)
        nothing = np.zeros((1, 1), np.float32)
        assert replace(film, pixels=nothing) == replace(expected, pixels=nothing)


@pytest.mark.parametrize("name", ["gone.png", "", "a\0b.png"])
def test_what_cannot_be_opened_is_said_as_ever(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableImage, match="cannot read"):
        guarded.read(f"{tmp_path}/{name}")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Decoders that never answer."""
    monkeypatch.setattr("boneage.images.decoder_pool.CODE", "import time; time.sleep(600)")
    pool = DecoderPool(replace(guarded.LIMITS, seconds=0.2))
    monkeypatch.setattr(guarded, "_decoders", lambda: pool)
    yield
    pool.close()


@pytest.mark.usefixtures("slow")
def test_a_file_that_takes_too_long_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "hand.png.gz"
    path.write_bytes(gzip.compress(hand()))
    with pytest.raises(UnreadableImage, match=r"cannot read .*hand\.png\.gz: it did not decode within 0\.2 s"):
        guarded.read(path)
    (tmp_path / "hand.png").write_bytes(hand())
    assert guarded.read(tmp_path / "hand.png").format == "PNG"
