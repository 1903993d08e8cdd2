"""Which device and precision to compute with. Imports torch: for worker processes."""

import torch


def pick_device(name: str = "auto") -> str:
    """'cuda', 'mps' or 'cpu'; `name` unless it is 'auto'."""
    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def has_bf16(device: str) -> bool:
    """Whether bfloat16 is fast there: native on the GPU, AVX512-BF16 or AMX on the CPU."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return False
