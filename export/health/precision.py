"""How exactly a training computes."""

import torch


def narrow(device: str) -> torch.autocast:
    """bfloat16 where oneDNN has products of it (AVX-512) or on a GPU. Another CPU is some eight times slower at it than at float32."""
    return torch.autocast(device, torch.bfloat16, enabled=device != "cpu" or torch.ops.mkldnn._is_mkldnn_bf16_supported())
