"""The reader on DICOM: every uncompressed encoding, what is displayed, and what the header says."""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from dicom_files import (
    EIGHT,
    LEVEL,
    PICTURE,
    TWELVE,
    bare,
    compressed,
    dicom,
    reads_or_refuses,
    refused,
    shows,
    table,
    wrapped,
    written,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)

from boneage.data.phantom import draw
from boneage.errors import UnreadableImage
from boneage.images import dicom as read_dicom
from boneage.images.dicom_display import _window
from boneage.images.read import read
from boneage.types import Sex

# --- encodings ------------------------------------------------------------------------------------------------------

BIG_ENDIAN = TWELVE.astype(">u2")
NATIVE = {
    "implicit": lambda: written(dicom(), ImplicitVRLittleEndian),
    "explicit": lambda: written(dicom()),
    "deflated": lambda: written(dicom(), DeflatedExplicitVRLittleEndian),
    "big endian": lambda: written(dicom(PixelData=BIG_ENDIAN.tobytes()), ExplicitVRBigEndian),
    "no preamble": lambda: written(dicom())[132:],
    "bare implicit": lambda: bare(written(dicom(), ImplicitVRLittleEndian)),
    "bare explicit": lambda: bare(written(dicom())),
    "bare big endian": lambda: bare(written(dicom(PixelData=BIG_ENDIAN.tobytes()), ExplicitVRBigEndian)),
    "signed": lambda: written(dicom(TWELVE.astype(np.int16) - 2048)),
    "signed, bits above": lambda: written(dicom((TWELVE.astype(np.int16) - 2048) & 0x0FFF)),
    "bits at the top": lambda: written(dicom(TWELVE << 4, HighBit=15)),
    "signed, at the top": lambda: written(dicom((TWELVE.astype(np.int16) - 2048) << 4, HighBit=15)),
    "overlay in high bits": lambda: written(dicom(TWELVE | 0x8000)),
    "16 bits": lambda: written(dicom(np.round(PICTURE * 65535).astype(np.uint16), 16)),
    "10 bits": lambda: written(dicom(np.round(PICTURE * 1023).astype(np.uint16), 10)),
    "8 bits": lambda: written(dicom(EIGHT, 8)),
    "32 bits": lambda: written(dicom(np.round(PICTURE * 2**31).astype(np.uint32), 32)),
}


@pytest.mark.parametrize("name", NATIVE)
def test_every_uncompressed_encoding_shows_the_same_picture(name: str) -> None:
    shows(NATIVE[name](), PICTURE, 0.5 / 255 + 1e-6 if name == "8 bits" else 0.5 / 1023)


def test_an_odd_number_of_bytes_is_read() -> None:
    shows(written(dicom(EIGHT[:, :37], 8)), EIGHT[:, :37] / 255, 0.005)


def test_one_bit_and_float_pixels() -> None:
    bits = (PICTURE > 0.5).astype(np.uint8)
    one = dicom(EIGHT, 1, BitsAllocated=1, PixelData=np.packbits(bits, bitorder="little").tobytes())
    shows(written(one), bits)
    real = dicom(FloatPixelData=(PICTURE.astype(np.float32) * 7 - 3).tobytes(), BitsAllocated=32)
    del real.PixelData
    shows(written(real), PICTURE)


# --- what is displayed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "elements",
    [
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"PresentationLUTShape": "INVERSE"},
        {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
    ],
    ids=["monochrome1", "inverse", "both say the same"],
)
def test_inverted_films_are_turned_bone_bright(elements: dict[str, str]) -> None:
    shows(written(dicom(4095 - TWELVE, **elements)), PICTURE)


def test_the_range_of_the_values_is_used_where_no_window_is() -> None:
    film = read(written(dicom(TWELVE // 4 + 500)))
    assert (film.pixels.min(), film.pixels.max()) == (0, 1)


WINDOWS = {  # centre, width, function: the displayed value of a stored value (PS3.3 C.11.2.1.2, C.11.2.1.3)
    "linear": (2100, 4001, None, lambda v: np.clip((v - 2099.5) / 4000 + 0.5, 0, 1)),
    "linear of two": ([2100, 7], [4001, 9], "LINEAR", lambda v: np.clip((v - 2099.5) / 4000 + 0.5, 0, 1)),
    "exact": (2100.5, 4000, "LINEAR_EXACT", lambda v: np.clip((v - 2100.5) / 4000 + 0.5, 0, 1)),
    "sigmoid": (2000, 800, "SIGMOID", lambda v: 1 / (1 + np.exp(-4 * (v - 2000) / 800))),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_the_first_window_is_applied(name: str) -> None:
    center, width, function, expected = WINDOWS[name]
    elements = {"WindowCenter": center, "WindowWidth": width}
    if function:
        elements["VOILUTFunction"] = function
    data = written(dicom(**elements))
    shows(data, expected(TWELVE.astype(float)), 1e-5)
    assert read(data).notes == ()


@pytest.mark.parametrize(
    ("center", "width", "shape", "expected"),
    [
        (2000, 1001, "LINEAR", lambda v: np.clip((v - 1999.5) / 1000 + 0.5, 0, 1)),
        (2000, 1, "LINEAR", lambda v: v > 1999.5),
        (2000.5, 1000, "LINEAR_EXACT", lambda v: np.clip((v - 2000.5) / 1000 + 0.5, 0, 1)),
    ],
)
def test_functions_of_windows(center: float, width: float, shape: str, expected: Callable[..., np.ndarray]) -> None:
    values = TWELVE.astype(np.float32)
    np.testing.assert_allclose(_window(values, center, width, shape), expected(values), atol=1e-5)


HAND = draw(np.random.default_rng(7), months=120, sex=Sex.FEMALE, size=256, plain=True).pixels / 255


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize(("low", "high"), [(0, 0.6), (0.3, 0.75), (0.5, 1.0)])
def test_a_window_that_cuts_off_the_hand_is_set_aside_and_noted(low: float, high: float, inverted: bool) -> None:
    values = np.round(HAND * 4095).astype(np.uint16)
    elements = {"WindowCenter": 4095 * (low + high) / 2, "WindowWidth": 4095 * (high - low)}
    if inverted:
        values, elements["WindowCenter"] = 4095 - values, 4095 - elements["WindowCenter"]
        elements["PhotometricInterpretation"] = "MONOCHROME1"
    film = read(written(dicom(values, **elements)))
    assert film.notes == ("the window cuts off a part of the hand: the range of its values is used",)
    np.testing.assert_allclose(film.pixels, (HAND - HAND.min()) / np.ptp(HAND), atol=2 / 4095)


def test_a_window_around_the_hand_is_kept() -> None:
    values = np.round(HAND * 4095).astype(np.uint16)
    top = int(np.percentile(values, 99.8))
    film = read(written(dicom(values, WindowCenter=top / 2, WindowWidth=top)))
    assert film.notes == ()
    np.testing.assert_allclose(film.pixels, np.clip(values / top, 0, 1), atol=0.002)


def test_a_window_or_table_made_for_more_bits_than_are_used() -> None:
    wide = read(written(dicom(WindowCenter=32768, WindowWidth=65536)))
    np.testing.assert_allclose(wide.pixels, PICTURE, atol=LEVEL)
    assert wide.notes == ("the window uses a small part of the grey range: the range of its values is used",)
    for used in (8, 10, 12, 14, 16):
        entries = np.round(np.linspace(0, 2**used - 1, 4096)).astype(int).tolist()
        film = read(written(dicom(VOILUTSequence=table([4096, 0, 16], entries))))
        np.testing.assert_allclose(film.pixels, PICTURE, atol=1 / (2**used - 1) + LEVEL)
        assert film.notes == ()


def test_rescale_comes_before_the_window() -> None:
    film = dicom(RescaleSlope="0.5", RescaleIntercept="-100", WindowCenter="950.5", WindowWidth="2001")
    shows(written(film), np.clip((TWELVE * 0.5 - 100 - 950) / 2000 + 0.5, 0, 1), 1e-5)


@pytest.mark.parametrize(("center", "width"), [(2000, 0), (2000, -5), (90000, 10)])
def test_a_window_that_shows_nothing_is_set_aside_and_noted(center: int, width: int) -> None:
    data = written(dicom(WindowCenter=center, WindowWidth=width))
    shows(data, PICTURE)
    assert "window" in read(data).notes[0]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
@pytest.mark.parametrize("depth", [8, 12, 16])
def test_a_voi_lut_goes_before_the_window(depth: int, syntax: str) -> None:
    entries = (np.linspace(0, 1, 4096) ** 2 * (2**depth - 1)).astype(np.uint16)
    lut = table([4096, 0, depth], entries.tolist())
    data = written(dicom(VOILUTSequence=lut, WindowCenter=5, WindowWidth=3), syntax)
    shows(data, (TWELVE / 4095) ** 2, 1 / (2**depth - 1) + 1e-5)


def test_a_palette_of_bytes_in_words_is_scaled_by_them() -> None:
    dataset = dicom(EIGHT, 8, PhotometricInterpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(dataset, f"{colour}PaletteColorLookupTableData", np.arange(256).astype("<u2").tobytes())
    shows(written(dataset), PICTURE, 0.5 / 255 + 1e-6)


def test_lookup_tables_of_packed_bytes_signed_values_and_the_full_length() -> None:
    byte_table = table([256, 0, 8], bytes(range(255, -1, -1)))
    shows(written(dicom(255 - EIGHT, 8, VOILUTSequence=byte_table)), PICTURE, 0.5 / 255 + 1e-6)
    signed = table([4096, 65536 - 2048, 12], list(range(4096)))
    shows(written(dicom(TWELVE.astype(np.int16) - 2048, VOILUTSequence=signed)), PICTURE)
    full = table([0, 0, 16], np.arange(65536).astype("<u2").tobytes())
    shows(written(dicom(np.round(PICTURE * 65535).astype(np.uint16), 16, ModalityLUTSequence=full)), PICTURE)


def test_a_lookup_table_that_is_too_short_is_refused() -> None:
    lut = table([4096, 0, 12], [1, 2, 3])
    with pytest.raises(UnreadableImage, match="a lookup table has 6 bytes for 4096 entries"):
        read(written(dicom(VOILUTSequence=lut)))


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_does_not_stretch_the_range(photometric: str) -> None:
    values = TWELVE // 2 + 100
    values[:, :5] = 4000
    values[:, 5:9] = 4010
    film = read(
        written(
            dicom(values, PixelPaddingValue=4000, PixelPaddingRangeLimit=4010, PhotometricInterpretation=photometric)
        )
    )
    assert not film.pixels[:, :9].any()
    assert (film.pixels[:, 9:].min(), film.pixels[:, 9:].max()) == (0, 1)


def test_padding_written_with_the_other_sign_is_found() -> None:
    values = TWELVE.astype(np.int16) - 1000
    values[:9] = -2000
    dataset = dicom(values, 16)
    dataset.add_new("PixelPaddingValue", "US", 65536 - 2000)
    film = read(written(dataset))
    assert not film.pixels[:9].any()
    assert film.pixels[9:].min() == 0
    with pytest.raises(UnreadableImage, match="all its pixels are padding"):
        read(written(dicom(np.full((20, 20), 7, np.uint16), PixelPaddingValue=7)))


def test_a_constant_film_is_read() -> None:
    shows(written(dicom(np.full((20, 20), 7, np.uint16))), np.zeros((20, 20)))


COLOUR = np.dstack([EIGHT, EIGHT // 2, 255 - EIGHT])
LUMA = COLOUR @ np.array([0.299, 0.587, 0.114]) / 255


def ybr(rgb: np.ndarray) -> np.ndarray:
    """RGB to full-range YCbCr (PS3.3 C.7.6.3.1.2)."""
    matrix = [[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]]
    return np.clip(np.round(rgb @ np.array(matrix).T + [0, 128, 128]), 0, 255).astype(np.uint8)


def test_secondary_captures_in_colour_become_luminance() -> None:
    planes = np.ascontiguousarray(COLOUR.transpose(2, 0, 1)).tobytes()
    shows(written(dicom(COLOUR, 8)), LUMA, 1e-5)
    shows(written(dicom(COLOUR, 8, PlanarConfiguration=1, PixelData=planes)), LUMA, 1e-5)
    shows(written(dicom(ybr(COLOUR), 8, PhotometricInterpretation="YBR_FULL")), LUMA, 0.01)
    shows(compressed(dicom(COLOUR, 8), JPEG2000Lossless), LUMA, 1e-5)


def test_a_palette_is_looked_up() -> None:
    dataset = dicom(255 - EIGHT, 8, PhotometricInterpretation="PALETTE COLOR")
    for colour, scale in (("Red", 1.0), ("Green", 0.5), ("Blue", 0.25)):
        entries = (np.arange(255, -1, -1) * 257 * scale).astype("<u2").tobytes()
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(dataset, f"{colour}PaletteColorLookupTableData", entries)
    shows(written(dataset), PICTURE * (0.299 + 0.587 * 0.5 + 0.114 * 0.25), 0.003)
    del dataset.RedPaletteColorLookupTableData
    with pytest.raises(UnreadableImage, match="its palette is missing or segmented"):
        read(written(dataset))


def test_several_frames_and_other_modalities_are_noted() -> None:
    frames = np.stack([TWELVE, 4095 - TWELVE, TWELVE])
    film = read(written(dicom(PixelData=frames.tobytes(), NumberOfFrames=3, Modality="CT")))
    assert film.notes == ("3 frames: only the first is read", "the file is of modality CT, not of radiography")
    np.testing.assert_allclose(film.pixels, PICTURE, atol=LEVEL)


# --- what the header lacks, and bits beyond ---


ABSENT = (
    "SamplesPerPixel",
    "PixelRepresentation",
    "HighBit",
    "BitsStored",
    "BitsAllocated",
    "PhotometricInterpretation",
    "PlanarConfiguration",
)


@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("absent", [(word,) for word in ABSENT] + [ABSENT])
def test_absent_elements_have_plain_defaults(absent: tuple[str, ...], empty: bool) -> None:
    sixteen = np.round(PICTURE * 65535).astype(np.uint16)
    for build, expected in (
        (lambda: dicom(sixteen, 16), PICTURE),
        (lambda: dicom(EIGHT, 8), PICTURE),
        (lambda: dicom(COLOUR, 8), LUMA),
    ):
        dataset = build()
        if "SamplesPerPixel" in absent and "PhotometricInterpretation" in absent and dataset.SamplesPerPixel == 3:
            continue  # nothing tells the colours
        for word in absent:
            if word in dataset and empty:
                dataset[word].value = None
            elif word in dataset:
                del dataset[word]
        data = written(dataset)
        shows(data, expected, 0.005)
        told = [word for word in ("BitsAllocated", "PhotometricInterpretation") if word in absent]
        assert [word for word in told if word in " ".join(read(data).notes)] == told


def test_bits_above_those_stored_are_told() -> None:
    overlay = np.where(PICTURE > 0.8, 0x8000, 0).astype(np.uint16)
    film = read(written(dicom(TWELVE | overlay)))
    np.testing.assert_allclose(film.pixels, PICTURE, atol=LEVEL)
    assert film.notes == ("bits above the 12 that BitsStored names are set: they are left away",)
    film = read(written(dicom(TWELVE, 10)))
    np.testing.assert_allclose(film.pixels, PICTURE, atol=LEVEL)
    assert film.notes == ("the values need more than the 10 bits that BitsStored names: all bits are used",)
    assert read(written(dicom(TWELVE.astype(np.int16) - 2048))).notes == ()


# --- what cannot be read --------------------------------------------------------------------------------------------


def test_dicom_without_an_image_is_refused() -> None:
    report = dicom(Modality="SR")
    del report.PixelData
    refused(written(report), "it is DICOM without an image (modality SR)")
    refused(bytes(128) + b"DICM", "it is DICOM without an image (modality not given)")


def test_damaged_headers_are_refused() -> None:
    data = written(dicom())
    refused(data[:-100], "the DICOM file is truncated: 3,928 of 4,028 bytes of its image are there")
    refused(data[: data.index(b"\xe0\x7f\x10\0")], "the DICOM file is truncated: it ends before its image")
    refused(data[:600], "DICOM")
    refused(written(dicom(BitsStored=17)), "DICOM")
    refused(written(dicom(HighBit=16)), "BitsStored 12 and HighBit 16 do not fit 16 bits")
    refused(written(dicom(PhotometricInterpretation="HSV")), "photometric interpretation HSV")
    refused(written(dicom(BitsAllocated=13)), "DICOM")
    refused(wrapped(dicom(), b"film", MPEG2MPML), "transfer syntax 1.2.840.10008.1.2.4.100 is not supported")


def test_limits_are_checked_before_decoding() -> None:
    refused(written(dicom(Rows=60000, Columns=60000)), "60000 x 60000 pixels is more than the limit of 64,000,000")
    refused(written(dicom()), "38 x 53 pixels is more than the limit of 2,000", max_pixels=2000)
    refused(written(dicom(TWELVE[:15])), "38 x 15 pixels is too small")


def test_a_deflate_bomb_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_dicom, "MAX_BYTES", 10_000_000)
    dataset = dicom(PixelData=bytes(50_000_000))
    data = written(dataset, DeflatedExplicitVRLittleEndian)
    assert len(data) < 100_000
    refused(data, "inflates to more than 10,000,000 bytes")


def test_pydicom_may_be_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    data = written(dicom())
    monkeypatch.delitem(sys.modules, "boneage.images.dicom")
    monkeypatch.setitem(sys.modules, "pydicom", None)
    refused(data, "it is DICOM, and pydicom is not installed")


def test_warnings_of_pydicom_do_not_leak() -> None:
    data = written(dicom(SpecificCharacterSet="ISO_IR 192")).replace(b"ISO_IR 192", b"ISO_IR 999")
    with pytest.warns(UserWarning, match="Unknown encoding"):
        dcmread(io.BytesIO(data))
    before = list(warnings.filters)
    shows(data, PICTURE)  # any warning would be an error here
    assert warnings.filters == before


def test_what_a_header_says_cannot_break_the_line() -> None:
    report = dicom(Modality="S\nR\x1b[31m")
    del report.PixelData
    refused(written(report), "it is DICOM without an image (modality S R?[31M)")


# --- properties -----------------------------------------------------------------------------------------------------


def rich() -> Dataset:
    """A small film whose header has something of everything."""
    lut = table([256, 0, 8], list(range(256)))
    return dicom(
        EIGHT[:16, :16],
        8,
        PatientAge="010Y",
        PixelSpacing=[0.1, 0.1],
        VOILUTSequence=lut,
        RescaleSlope="1",
        RescaleIntercept="0",
        PixelPaddingValue=3,
        PatientName="Ä^B",
        SpecificCharacterSet="ISO_IR 192",
        NumberOfFrames=1,
    )


RICH = [written(rich(), syntax) for syntax in (ImplicitVRLittleEndian, ExplicitVRLittleEndian)]
RICH += [bare(data) for data in RICH]


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(RICH), st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_a_header_with_one_byte_changed_reads_or_is_refused(data: bytes, share: float, change: int) -> None:
    at = int(share * len(data))
    reads_or_refuses(data[:at] + bytes([data[at] ^ change]) + data[at + 1 :])


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(RICH), st.floats(0, 1, exclude_max=True))
def test_a_file_cut_anywhere_reads_or_is_refused(data: bytes, share: float) -> None:
    reads_or_refuses(data[: int(share * len(data))])


@settings(deadline=None, max_examples=100)
@given(st.sampled_from([b"\x08\0\x05\0CS\x0a\0ISO_IR 100", b"\x02\0\0\0UL\4\0\0\0\0\0", b""]), st.binary(max_size=300))
def test_random_bytes_after_a_dicom_head_read_or_are_refused(head: bytes, tail: bytes) -> None:
    reads_or_refuses(bytes(128) + b"DICM" + head + tail)
