"""Which precision `auto` comes to, on which processor."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

from boneage.training import precision
from boneage.training.precision import autocast, multiplies_bfloat16, resolved

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)


def processor(monkeypatch: pytest.MonkeyPatch, limit: str = "", **instructions: bool) -> None:
    """A processor that has these instructions, and an environment that lets oneDNN use them up to ``limit``."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: instructions)
    for name in precision._LIMITS:
        monkeypatch.delenv(name, raising=False)
    if limit:
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)


@pytest.mark.parametrize(
    ("instructions", "wanted"),
    [
        ({"avx2": True}, "fp32"),
        ({"avx2": True, "avx512_vnni": True, "avx512_bf16": False}, "fp32"),
        ({"avx512_bf16": True}, "bf16"),
        ({"avx512_bf16": False, "amx_bf16": True}, "bf16"),
        ({"neon": True, "bf16": True}, "fp32"),  # ARM: its gradients were never measured
    ],
)
def test_auto_is_bfloat16_where_the_processor_multiplies_in_it(
    monkeypatch: pytest.MonkeyPatch, instructions: dict[str, bool], wanted: str
) -> None:
    processor(monkeypatch, **instructions)
    assert resolved("auto", CPU) == wanted


@pytest.mark.parametrize(
    ("limit", "wanted"),
    [("AVX512_CORE_VNNI", "fp32"), ("avx2", "fp32"), ("AVX512_CORE_BF16", "bf16"), ("DEFAULT", "bf16"), ("", "bf16")],
)
def test_auto_uses_no_instruction_that_torch_was_forbidden(
    monkeypatch: pytest.MonkeyPatch, limit: str, wanted: str
) -> None:
    processor(monkeypatch, limit, avx512_bf16=True, amx_bf16=True)
    assert resolved("auto", CPU) == wanted


def test_the_library_obeys_the_same_words() -> None:
    """A name misspelt is ignored by oneDNN without a word: it says itself what it came to."""
    code = "import torch; torch.conv2d(torch.ones(2, 8, 8, 8).bfloat16(), torch.ones(8, 8, 3, 3).bfloat16())"
    if not torch.backends.mkldnn.is_available() or not torch.cpu.get_capabilities().get("avx512_bf16"):
        pytest.skip("no instructions here that could be forbidden")
    for limit, has in (("AVX512_CORE_VNNI", False), ("AVX512_CORE_BF16", True)):
        said = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"ONEDNN_VERBOSE": "1", "ONEDNN_MAX_CPU_ISA": limit},
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        ).stdout
        assert ("bfloat16" in next(line for line in said.splitlines() if ",isa:" in line)) == has


@pytest.mark.parametrize("native", [True, False])
def test_a_gpu_must_do_it_without_emulation(monkeypatch: pytest.MonkeyPatch, native: bool) -> None:
    asked = []
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: asked.append(including_emulation) or native
    )
    assert multiplies_bfloat16(GPU) == native
    assert asked == [False]


def test_other_devices_compute_in_float32() -> None:
    assert resolved("auto", torch.device("meta")) == "fp32"


@pytest.mark.parametrize("word", ["bf16", "fp16", "fp32"])
def test_another_word_stands_for_itself(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    processor(monkeypatch)
    assert resolved(word, CPU) == word


def test_a_block_in_float32_changes_nothing() -> None:
    ones = torch.ones(2, 2)
    kinds = {}
    for word in ("fp32", "bf16"):
        with autocast(word, CPU):
            kinds[word] = (ones @ ones).dtype
    assert kinds == {"fp32": torch.float32, "bf16": torch.bfloat16}
