"""Which device and precision to compute with, and how much of it is in use. Imports torch: for worker processes."""

import resource
import sys

import torch

from synweight_core.errors import ModelError


def pick_device(name: str = "auto") -> str:
    """'cuda', 'mps' or 'cpu': the best one for 'auto'. Raises ModelError when `name` is not there."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(device for device, available in there.items() if available)
    if not there.get(name):
        found = ", ".join(device for device, available in there.items() if available)
        raise ModelError(f"Device '{name}' was asked for; this machine has: {found}. Choose one of these, or auto.")
    return name


def has_bf16(device: str) -> bool:
    """Whether bfloat16 is fast there: native on the GPU, AVX512-BF16 or AMX on the CPU."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return False


def memory_bytes(device: str) -> int:
    """Memory that this process holds on a GPU; on the CPU, the most that it has held at once."""
    if device.startswith("cuda"):
        return int(torch.cuda.memory_reserved(device))
    if device.startswith("mps"):
        return int(torch.mps.driver_allocated_memory())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # Linux counts in kilobytes


def utilization(device: str) -> int | None:
    """How busy a GPU is, in per cent. None where nobody can tell: without one, or without its driver's library."""
    if not device.startswith("cuda"):
        return None
    try:
        return int(torch.cuda.utilization(device))
    except (ModuleNotFoundError, RuntimeError):
        return None
