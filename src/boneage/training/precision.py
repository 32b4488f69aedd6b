"""The numbers that a training step computes in: bfloat16 where the device multiplies in it, float32 elsewhere."""

from __future__ import annotations

import os

import torch

PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
_LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")  # what oneDNN asks for the instructions it may use, in this order
_WITHOUT = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI")


def resolved(word: str, device: torch.device) -> str:
    """What ``train.precision`` comes to on a device: ``auto`` is ``bf16`` or ``fp32``, any other word itself."""
    if word != "auto":
        return word
    return "bf16" if multiplies_bfloat16(device) else "fp32"


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for products in bfloat16, which are slower than float32 where it has none.

    Of a processor torch is asked for its list of instructions, of which oneDNN's environment may forbid some. Only
    those of x86 count: the convolutions' gradients were measured with no others.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    has = torch.cpu.get_capabilities()
    allowed = next((os.environ[name] for name in _LIMITS if name in os.environ), "")
    return bool(has.get("avx512_bf16") or has.get("amx_bf16")) and allowed.upper() not in _WITHOUT


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """The block in which a network computes in ``precision``, a resolved one."""
    kind = PRECISIONS[precision]
    return torch.autocast(device.type, kind, enabled=kind != torch.float32)
