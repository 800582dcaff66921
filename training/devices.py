"""What this machine computes on."""

from __future__ import annotations

import torch

CPU = torch.device("cpu")


def best_device() -> torch.device:
    """The first NVIDIA GPU, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def has_bf16(device: torch.device = CPU) -> bool:
    """Whether `device` multiplies bfloat16 matrices; elsewhere autocast would only be slower."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported and supported())
