"""Decoder processes that crash, hang or need too much memory."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hands import hand

from boneage.errors import UnreadableImage
from boneage.images.decoder_pool import DecoderLimits, DecoderPool


@pytest.fixture(scope="module")
def decoders() -> Iterator[DecoderPool]:
    made = DecoderPool(DecoderLimits(processes=1, seconds=60))
    yield made
    made.close()


DYING = """
import os
from pathlib import Path
from boneage.images import decoder_process

decoded, left = decoder_process.decoded, Path({left!r})

def dies(*films, **limits):
    if number := int(left.read_text()):
        left.write_text(str(number - 1))
        os.abort()
    return decoded(*films, **limits)

decoder_process.decoded = dies
decoder_process._limit = lambda memory: None  # it may write
decoder_process.main()
"""  # a decoder that dies at its first films, as many as the file ``left`` says


def dying(monkeypatch: pytest.MonkeyPatch, left: Path, times: int) -> DecoderPool:
    left.write_text(str(times))
    monkeypatch.setattr("boneage.images.decoder_pool.CODE", DYING.format(left=str(left)))
    return DecoderPool(DecoderLimits(processes=1, seconds=60))


def test_the_death_of_an_idle_decoder_is_not_the_films_fault(decoders: DecoderPool) -> None:
    idle = decoders._idle.get()
    decoders._idle.put(idle)
    idle.kill()
    idle.wait()
    assert decoders.decode(hand()).radiograph.format == "PNG"
    assert decoders.deaths == 1


def test_a_film_at_which_a_decoder_died_is_tried_once_more(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pool = dying(monkeypatch, tmp_path / "left", 1)
    assert pool.decode(hand()).radiograph.format == "PNG"
    assert pool.deaths == 1
    pool.close()


def test_a_film_at_which_two_decoders_died_is_refused_and_the_next_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pool = dying(monkeypatch, tmp_path / "left", 2)
    with pytest.raises(UnreadableImage, match="the decoder crashed: the file is damaged, or not a film"):
        pool.decode(hand())
    assert pool.decode(hand()).radiograph.format == "PNG"
    assert pool.deaths == 2
    pool.close()


def test_a_decoder_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boneage.images.decoder_pool.CODE", "import time; time.sleep(60)")
    hanging = DecoderPool(DecoderLimits(processes=1, seconds=0.3))
    with pytest.raises(UnreadableImage, match="did not decode within"):
        hanging.decode(hand())
    hanging.close()


def test_what_a_hanging_decoder_started_ends_with_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    note = f"open({str(tmp_path / 'pid')!r}, 'w').write(str(codec.pid))"
    code = f"import subprocess; codec = subprocess.Popen(['sleep', '600']); {note}; codec.wait()"
    monkeypatch.setattr("boneage.images.decoder_pool.CODE", code)
    hanging = DecoderPool(DecoderLimits(processes=1, seconds=3))
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
    small = DecoderPool(DecoderLimits(processes=1, pixels=200_000_000, memory=2**29 + 2**28))
    with pytest.raises(UnreadableImage):
        small.decode(film)
    assert small.decode(hand()).radiograph.format == "PNG"
    small.close()
    usual = DecoderPool(DecoderLimits(processes=1, pixels=36_000_000))
    with pytest.raises(UnreadableImage, match="limit of 36,000,000"):
        usual.decode(film)
    usual.close()
