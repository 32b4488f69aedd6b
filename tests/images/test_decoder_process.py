"""The program of a decoder process, asked as the pool asks it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hands import hand

from boneage import read
from boneage.images import decoder_process
from boneage.images.content import Content


def answered(data: bytes, **limits: int) -> tuple[dict[str, Any], bytes]:
    """Header and pixels of the answer to one file."""
    out = io.BytesIO()
    decoder_process._answer(out, Content(data), {"bytes": len(data), "pixels": 10**6, "memory": 2**30} | limits)
    header, _, pixels = out.getvalue().partition(b"\n")
    return json.loads(header), pixels


def test_a_film_comes_as_a_header_and_its_pixels() -> None:
    header, pixels = answered(hand())
    film = read(hand())
    assert (header["format"], header["sha256"], header["identity"]) == ("PNG", film.sha256, None)
    assert header["bytes"] == len(pixels)
    np.testing.assert_array_equal(np.frombuffer(pixels, np.float32).reshape(header["shape"]), film.pixels)


@pytest.mark.parametrize(
    ("data", "limits", "reason"), [(b"hello", {}, "text"), (hand(), {"pixels": 100}, "limit of 100")]
)
def test_what_is_no_film_is_a_sentence_without_a_name(data: bytes, limits: dict[str, int], reason: str) -> None:
    header, pixels = answered(data, **limits)
    assert reason in header["error"]
    assert "<bytes>" not in header["error"]
    assert pixels == b""


def test_whose_film_it_is_is_handed_over() -> None:
    files = pytest.importorskip("dicom_files")
    header, _ = answered(files.written(files.dicom(PatientID="MRN-4711")))
    assert header["identity"]["patient_id"] == "MRN-4711"


@contextlib.contextmanager
def at_work(code: str, seconds: int) -> Iterator[subprocess.Popen[bytes]]:
    """A decoder process in the midst of a film, whose decoding is the ``code``, with so much processor time."""
    program = f"from boneage.images import decoder_process\ndef decoded(*_, **__):\n{code}\n"
    program += "decoder_process.decoded = decoded\ndecoder_process.main()"
    request = {"bytes": 1, "pixels": 100, "memory": 2**32, "seconds": seconds}
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin
        child.stdin.write(json.dumps(request).encode() + b"\nx")
        child.stdin.flush()
        yield child
        child.kill()


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such watch")
def test_it_ends_with_its_server_in_the_midst_of_a_film() -> None:
    with at_work("    import time; time.sleep(600)", 600) as child:
        assert child.stdin
        child.stdin.close()  # as the system does when the server is killed
        assert child.wait(timeout=120) == 1


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such limit")
def test_it_has_only_so_much_processor_time_for_a_film() -> None:
    with at_work("    while True: pass", 1) as child:
        assert child.wait(timeout=120) == -signal.SIGXCPU
