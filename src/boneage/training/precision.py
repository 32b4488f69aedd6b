"""The number type that a training step computes in: bfloat16 where the device multiplies in it, else float32."""

from __future__ import annotations

import os

import torch

PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
_LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")  # variables that limit oneDNN; the first one set counts
_WITHOUT_BF16 = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI")


def resolved(precision: str, device: torch.device) -> str:
    """``train.precision`` on a device: ``bf16`` or ``fp32`` for ``auto``, every other value unchanged."""
    if precision != "auto":
        return precision
    return "bf16" if multiplies_bfloat16(device) else "fp32"


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions that multiply bfloat16. Without them torch emulates, slower than float32.

    On a CPU these are AVX512-BF16 or AMX, unless the environment forbids oneDNN to use them. Those of ARM do not count:
    the gradients of convolutions have not been measured there.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    has = torch.cpu.get_capabilities()
    allowed = next((os.environ[name] for name in _LIMITS if name in os.environ), "")
    return bool(has.get("avx512_bf16") or has.get("amx_bf16")) and allowed.upper() not in _WITHOUT_BF16


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """The block in which a network computes in a ``precision`` from `resolved`."""
    kind = PRECISIONS[precision]
    return torch.autocast(device.type, kind, enabled=kind != torch.float32)
