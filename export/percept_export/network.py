"""A Perceiver as plain arrays: what every exporter fills in, and all that the ONNX writer reads.

Shapes: N latents of D channels, M input rows of W channels, H heads. Weights are `[in, out]`. The
query's weights already hold the factor 1 / sqrt(channels a head).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .rows import Modality

Array = np.ndarray


@dataclass
class Norm:
    """Layer normalisation over the last axis."""

    weight: Array
    bias: Array
    epsilon: float


@dataclass
class Linear:
    """`x @ weight + bias`."""

    weight: Array
    bias: Array | None


@dataclass
class Attention:
    """Attention of latents (or of a decoder's query) to rows; to themselves where `norm_rows` is None."""

    heads: int
    norm_query: Norm
    norm_rows: Norm | None
    query: Linear
    key: Linear
    value: Linear
    out: Linear
    residual: bool = True


@dataclass
class Mlp:
    """`second(activation(first(norm(x))))`; `geglu` halves the channels: values times gelu of gates."""

    norm: Norm
    first: Linear
    activation: str  # "gelu", "relu" or "geglu"
    second: Linear


@dataclass
class Layer:
    """Attention, then an MLP that is added to what it reads."""

    attention: Attention
    mlp: Mlp


@dataclass
class Look:
    """One cross-attention to the rows, then `repeats` times the latent Transformer's layers."""

    cross: Layer
    latent: list[Layer]
    repeats: int = 1


@dataclass
class QueryDecoder:
    """A learned query `[1, Q]` attends to the latents; then the linear maps, one after the other."""

    query: Array
    layer: Layer
    linears: list[Linear]


@dataclass
class MeanDecoder:
    """The latents' mean, normalised, through one linear map."""

    norm: Norm
    linear: Linear


@dataclass
class Network:
    """The whole model. Rows come in the order of `modalities`, then `constant_rows` `[R, W]`.

    `looks` may hold the same Look several times: its weights are written once.
    `reference` gives PyTorch's logits `[B, labels]` for raw inputs by name and, where there are
    several modalities, `present` `[B, modalities]`.
    """

    name: str
    latents: Array
    looks: list[Look]
    decoder: QueryDecoder | MeanDecoder
    modalities: list[Modality]
    labels: list[str]
    reference: Callable[[dict[str, Array]], Array]
    constant_rows: Array | None = None
    details: dict = field(default_factory=dict)  # manifest: license, source, version, activation
    notes: list[str] = field(default_factory=list)  # what whoever exports it should know

    @property
    def width(self) -> int:
        """Channels of a row, padding included."""
        return self.modalities[0].width

    def shares_weights(self) -> bool:
        """Whether each look is the same look."""
        return all(look is self.looks[0] for look in self.looks)
