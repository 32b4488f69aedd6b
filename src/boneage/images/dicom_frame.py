"""A process that decodes one compressed DICOM frame, from standard input to standard output.

The codecs are C libraries, and some abort on a damaged stream: here that ends only this process.
Input: a line of JSON with the elements of the Image Pixel module, then the codestream. Output: a line of JSON, then the
raw array. The file is run by its path, so it imports nothing from the package.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from typing import Any, BinaryIO

import numpy as np

MEMORY_LIMIT = 4 * 2**30  # bytes of address space: a codestream may claim any size
CPU_LIMIT = 60  # seconds, should nobody be left to wait for it
_PLUGINS = {  # transfer syntax UID to the pydicom plugin, none of them GPL
    "1.2.840.10008.1.2.5": "pydicom",  # RLE
    "1.2.840.10008.1.2.4.50": "pillow",  # JPEG baseline
    "1.2.840.10008.1.2.4.51": "pillow",  # JPEG extended, 8 bits
    "1.2.840.10008.1.2.4.57": "gdcm",  # JPEG lossless
    "1.2.840.10008.1.2.4.70": "gdcm",  # JPEG lossless, first-order prediction
    "1.2.840.10008.1.2.4.80": "pyjpegls",  # JPEG-LS lossless
    "1.2.840.10008.1.2.4.81": "pyjpegls",  # JPEG-LS near-lossless
    "1.2.840.10008.1.2.4.90": "pylibjpeg",  # JPEG 2000 lossless
    "1.2.840.10008.1.2.4.91": "pylibjpeg",  # JPEG 2000
    "1.2.840.10008.1.2.4.201": "pylibjpeg",  # HTJ2K lossless
    "1.2.840.10008.1.2.4.202": "pylibjpeg",  # HTJ2K lossless, RPCL
    "1.2.840.10008.1.2.4.203": "pylibjpeg",  # HTJ2K
}
_RLE, _JPEG_EXTENDED, _JPEG_LOSSLESS = (f"1.2.840.10008.1.2.{tail}" for tail in ("5", "4.51", "4.57"))


def main() -> None:
    """Answer one request; any failure is answered as ``{"error": reason}``."""
    answers = _private_stdout()
    _limit()
    sys.modules.setdefault("requests", None)  # type: ignore[arg-type]  # a third of pydicom's import, to download with
    try:
        request = json.loads(sys.stdin.buffer.readline())
        array, photometric = decode(request, sys.stdin.buffer.read())
        raw = np.ascontiguousarray(array).data.cast("B")
        header = {"dtype": array.dtype.str, "shape": array.shape, "photometric": photometric, "bytes": len(raw)}
    except BaseException as error:
        header, raw = {"error": str(error) or type(error).__name__}, None
    answers.write(json.dumps(header).encode() + b"\n")
    if raw:
        answers.write(raw)
    answers.flush()


def decode(request: dict[str, Any], frame: bytes) -> tuple[Any, str]:
    """The array [rows, columns] or [rows, columns, samples] of one codestream, and its photometric interpretation."""
    syntax, scale = request.pop("transfer_syntax"), request.pop("scale", 1)
    if syntax not in _PLUGINS:
        raise ValueError(f"transfer syntax {syntax} is not supported")
    if scale > 1:
        return _smaller(frame, scale, request)
    from pydicom.encaps import encapsulate
    from pydicom.pixels import get_decoder

    if syntax == _JPEG_EXTENDED and request["bits_stored"] > 8:
        syntax = _JPEG_LOSSLESS  # GDCM reads 12-bit lossy JPEG too, but pydicom hands it over under this name only
    if syntax == _RLE:
        request["correct_unused_bits"] = False  # the reader does it, as it heeds HighBit too
    options: Any = request | {"decoding_plugin": _PLUGINS[syntax], "number_of_frames": 1}
    array, properties = get_decoder(syntax).as_array(encapsulate([frame]), index=0, **options)
    return array, str(properties["photometric_interpretation"])


def _smaller(frame: bytes, scale: int, request: dict[str, Any]) -> tuple[Any, str]:
    """A JPEG 2000 codestream without its finest levels. Pillow moves values up to the top bit, and signed ones by half
    their range; both are undone."""
    from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile

    with Jpeg2KImageFile(io.BytesIO(frame), "") as image:
        # The codestream's sides are divided and rounded up (ITU-T T.800 B.5), where Pillow rounds to the nearest.
        width, height = (-(-side // scale) * scale for side in image.size)
        image._size = (width, height)
        image.reduce = scale.bit_length() - 1
        image.load()
        values = np.asarray(image)
    bits = 8 * values.dtype.itemsize
    values = values >> (bits - min(request["bits_stored"], bits))
    if request["pixel_representation"]:
        values = values.astype(np.int32) - 2 ** (request["bits_stored"] - 1)
    return values, "RGB" if values.ndim == 3 else request["photometric_interpretation"]


def _private_stdout() -> BinaryIO:
    """A copy of standard output for the answer; what a library prints from now on goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _limit() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT, CPU_LIMIT))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
