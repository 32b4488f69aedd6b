"""Decoder processes that crash, hang or need too much memory."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hands import hand

from boneage.clinic.decoder_pool import DecoderPool
from boneage.clinic.limits import Limits
from boneage.errors import UnreadableImage


@pytest.fixture(scope="module")
def decoders() -> Iterator[DecoderPool]:
    made = DecoderPool(Limits(running=1, decode_seconds=60))
    yield made
    made.close()


def test_a_decoder_that_dies_is_replaced(decoders: DecoderPool) -> None:
    dying = decoders._idle.get()
    decoders._idle.put(dying)
    dying.kill()
    with pytest.raises(UnreadableImage, match=r"crashed|did not decode"):
        decoders.decode(hand())
    assert decoders.decode(hand()).radiograph.format == "PNG"
    assert decoders.deaths >= 1


def test_a_decoder_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boneage.clinic.decoder_pool.CODE", "import time; time.sleep(60)")
    hanging = DecoderPool(Limits(running=1, decode_seconds=0.3))
    with pytest.raises(UnreadableImage, match="did not decode within"):
        hanging.decode(hand())
    hanging.close()


def test_what_a_hanging_decoder_started_ends_with_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    note = f"open({str(tmp_path / 'pid')!r}, 'w').write(str(codec.pid))"
    code = f"import subprocess; codec = subprocess.Popen(['sleep', '600']); {note}; codec.wait()"
    monkeypatch.setattr("boneage.clinic.decoder_pool.CODE", code)
    hanging = DecoderPool(Limits(running=1, decode_seconds=3))
    with pytest.raises(UnreadableImage, match="did not decode within"):
        hanging.decode(hand())
    codec = int((tmp_path / "pid").read_text())
    hanging.close()
    for _ in range(1200):
        try:
            state = Path(f"/proc/{codec}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            break
        if state == "Z":
            break
        time.sleep(0.05)
    else:
        raise AssertionError("it still runs")


def test_a_decoder_has_only_so_much_memory(tmp_path: Path) -> None:
    """A film of 144 megapixels cannot be decoded in what is left of 1 GiB: a sentence, not a dead machine."""
    side = 12_000
    rows = zlib.compress(b"\0" * (side + 1) * side, 1)

    def part(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    size = side.to_bytes(4, "big") * 2
    film = b"\x89PNG\r\n\x1a\n" + part(b"IHDR", size + b"\x08\0\0\0\0") + part(b"IDAT", rows) + part(b"IEND", b"")
    small = DecoderPool(Limits(running=1, pixels=200_000_000, memory=2**29 + 2**28))
    with pytest.raises(UnreadableImage):
        small.decode(film)
    assert small.decode(hand()).radiograph.format == "PNG"
    small.close()
    usual = DecoderPool(Limits(running=1))
    with pytest.raises(UnreadableImage, match="limit of 36,000,000"):
        usual.decode(film)
    usual.close()
