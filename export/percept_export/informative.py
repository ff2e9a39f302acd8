"""Random weights whose answers depend on the input.

Freshly made Perceivers attend almost evenly and have trivial LayerNorms; two pictures then get logits of
cosine 0.999997, and comparing them proves little.
"""

import torch


@torch.no_grad()
def inform(model: torch.nn.Module, values: int, seed: int = 0) -> torch.nn.Module:
    """Draws every parameter anew. `values`: how many of the first attention's channels are not positions."""
    draw = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=draw)
        if parameter.ndim == 1:
            norm_weight = name.endswith("weight")
            parameter.copy_(1 + 0.2 * noise if norm_weight else 0.05 * noise)
        elif "latents" in name or "position_embeddings" in name or "padding" in name or ".mask." in name:
            parameter.copy_(0.5 * noise)
        else:
            fan_in = parameter[0].numel()
            parameter.copy_(noise / fan_in**0.5)
    for name, module in model.named_modules():
        if name.endswith("cross_attention.attention.self"):
            sharpen(module.query.weight, module.key.weight, module.value.weight, values)
        elif name.endswith("cross_attn.fn"):
            key, value = module.to_kv.weight.chunk(2)
            sharpen(module.to_q.weight, key, value, values)
        elif isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1, generator=draw)
            module.running_var.uniform_(0.5, 1.5, generator=draw)
    return model.eval()


def sharpen(query, key, value, values: int) -> None:
    """Attention picks rows, and picks them by what they show rather than where they are."""
    query.mul_(3)
    if values:
        gain = max(1.0, (key.shape[1] / values) ** 0.5 / 2)
        key[:, :values].mul_(gain)
        value[:, :values].mul_(gain)
