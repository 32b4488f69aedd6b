"""Formats by content: magic bytes, what strangers look like, gzip within limits, and which files are films."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from boneage.errors import UnreadableImage
from boneage.images.formats import ending, format_of, is_film, looks_like, unpacked, without_ending

DICOM = bytes(128) + b"DICM" + bytes(20)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (PNG, "PNG"),
        (b"\xff\xd8\xff\xe0" + bytes(20), "JPEG"),
        (b"MM\0+" + bytes(20), "TIFF"),  # big TIFF
        (b"RIFF\0\0\0\0WEBPVP8 ", "WebP"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0avifmiaf", "AVIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", None),
        (DICOM, "DICOM"),
        (b"\x08\0\x05\0CS\x0a\0ISO_IR 100", "DICOM"),  # without its preamble
        (b"\x08\0\x05\0\x0a\0\0\0ISO_IR 100", "DICOM"),  # nor its value representations
        (b"\x08\0\x05\0\xff\xff\xff\xffISO_IR 100", None),
        (b"", None),
    ],
)
def test_a_format_is_known_by_its_first_bytes(head: bytes, kind: str | None) -> None:
    assert format_of(head) == kind


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"GIF89a", "a GIF"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\xef\xbb\xbf <!doctype html>", "an HTML or XML page"),
        (b"\0\0\0\x18ftypheic", "a HEIC photo"),
        (b"\0\0\0\x18ftypisom", "a film clip"),
        (b"id,age\r\n1,2\r\n", "text"),
        (bytes(range(9)), "unknown binary data"),
    ],
)
def test_what_is_no_film_is_named(data: bytes, words: str) -> None:
    assert looks_like(data).startswith(words)


def test_gzip_is_unpacked_where_a_film_is_within() -> None:
    assert unpacked(gzip.compress(DICOM)) == DICOM
    letter = gzip.compress(b"a letter")
    assert unpacked(letter) == letter
    assert unpacked(PNG) == PNG
    assert unpacked(b"\x1f\x8b and no more") == b"\x1f\x8b and no more"


def test_gzip_has_a_limit_and_an_end() -> None:
    packed = gzip.compress(DICOM + bytes(10_000))
    with pytest.raises(UnreadableImage, match="more than the limit of 1,000 bytes"):
        unpacked(packed, max_bytes=1000)
    with pytest.raises(UnreadableImage, match="truncated"):
        unpacked(packed[:-9])


@pytest.mark.parametrize(
    ("name", "its", "rest"),
    [
        ("a/7.PNG", ".png", "a/7"),
        ("a/7.dcm.gz", ".dcm.gz", "a/7"),
        ("IM0001", "", "IM0001"),
        ("1.2.840.7", "", "1.2.840.7"),
        ("notes.txt", ".txt", "notes.txt"),
        ("photo.heic", ".heic", "photo"),
    ],
)
def test_endings(name: str, its: str, rest: str) -> None:
    assert (ending(name), without_ending(name)) == (its, rest)


def test_which_files_are_films(tmp_path: Path) -> None:
    contents = {"IM1": DICOM, "IM2": b"text", "a.dat": DICOM, "b.dat": PNG, "DICOMDIR": DICOM, "empty.png": b""}
    contents |= {"c.gz": gzip.compress(DICOM), "d.gz": gzip.compress(b"a letter")}
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    assert {name for name in contents if is_film(tmp_path / name)} == {"IM1", "a.dat", "empty.png", "c.gz"}
    assert is_film(tmp_path / "gone")  # then reading it says why
