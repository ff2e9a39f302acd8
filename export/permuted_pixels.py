"""The paper's permuted pixels (Jaegle et al. 2021, section 4.1), small: a Perceiver and a convolutional net on
CIFAR-10, with the pixels in their places and shuffled, all pictures in the same way.

    python permuted_pixels.py --data DATA --out RUN

Trains each network twice, writes results/permuted-pixels.json and the table in docs/experiments.md. As in the
paper, both networks get each pixel's Fourier features beside its colours, made before the shuffling. No
weights are kept for others: the set states no licence. Stop it and start it again: it goes on.
"""

import argparse
import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from small_perceivers import loop, score
from small_perceivers.modality import Picture, channels, rows
from small_perceivers.network import Perceiver, Size, parameters

HERE = Path(__file__).resolve().parent
SIDE = 32
PICTURE = Picture((SIDE, SIDE))
RECIPES = {
    "perceiver": loop.Recipe(steps=300, batch=64, rate=1.5e-3, warm_up=100, inertia=0.99),
    "convolutional": loop.Recipe(steps=300, batch=64, rate=3e-3, warm_up=100, inertia=0.99),
}
SHUFFLE_SEED = 32
VAL = 1000


class Convolutional(nn.Module):
    """Logits of byte arrays f32 [B, 1024, channels], laid out as pictures: four blocks of 3 x 3 convolutions."""

    def __init__(self):
        super().__init__()
        widths, layers = (channels(PICTURE), 32, 48, 64, 96), []
        for fed, gives in zip(widths, widths[1:]):
            layers += [nn.Conv2d(fed, gives, 3, padding=1), nn.GroupNorm(8, gives), nn.GELU(), nn.MaxPool2d(2)]
        self.layers, self.head = nn.Sequential(*layers), nn.Linear(widths[-1], 10)

    def forward(self, array: torch.Tensor) -> torch.Tensor:
        pictures = array.transpose(1, 2).unflatten(2, (SIDE, SIDE))
        return self.head(self.layers(pictures).mean((2, 3)))


def network(name: str) -> nn.Module:
    return Convolutional() if name == "convolutional" else Perceiver([PICTURE], 10, Size(latents=32, width=64, looks=3, row_width=32, sharp=10.0))  # fmt: skip


def pictures(data: Path, part: str) -> tuple[torch.Tensor, torch.Tensor]:
    """u8 [n, 32, 32, 3] and labels i64 [n]."""
    with np.load(data / "cifar10_jpeg.npz", allow_pickle=False) as z:
        files, offsets, labels = z[f"{part}_jpeg"], z[f"{part}_offsets"], z[f"{part}_labels"]
    decoded = [np.asarray(Image.open(io.BytesIO(files[a:b].tobytes())).convert("RGB")) for a, b in zip(offsets, offsets[1:])]
    return torch.from_numpy(np.stack(decoded)), torch.from_numpy(labels.astype(np.int64))


def arrays(some: torch.Tensor, order: torch.Tensor | None) -> torch.Tensor:
    """Byte arrays of pictures u8 [B, 32, 32, 3], their rows (colours and place together) in `order`."""
    array = rows(PICTURE, PICTURE.values(some.float() / 255))
    return array if order is None else array[:, order]


def run(name: str, order: torch.Tensor | None, train, test, o) -> dict:
    images, labels = train
    kept = len(images) - VAL  # the last of the training part are val
    torch.manual_seed(o.seed)
    net = network(name)

    def batch(rng: np.random.Generator, _: float) -> loop.Batch:
        some = torch.from_numpy(rng.integers(kept, size=RECIPES[name].batch))
        chosen = images[some]
        mirrored = torch.from_numpy(rng.random(len(chosen)) < 0.5)[:, None, None, None]
        return (arrays(torch.where(mirrored, chosen.flip(2), chosen), order),), labels[some]

    def right(net: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> np.ndarray:
        found = [loop.logits(net, (arrays(images[i : i + 200], order),)).argmax(1) for i in range(0, len(images), 200)]
        return (torch.cat(found) == labels).numpy()

    def validate(net: nn.Module) -> dict:
        return {"accuracy": round(float(right(net, images[kept:], labels[kept:]).mean()), 4)}

    recipe = dataclasses.replace(RECIPES[name], steps=o.steps or RECIPES[name].steps, seed=o.seed)
    out = o.out / f"{name}-{'places' if order is None else 'shuffled'}"
    net = loop.train(net, batch, validate, recipe, out, o.every)
    flags = right(net, *test)
    return {"flags": flags, "parameters": parameters(net), "windows": recipe.steps * recipe.batch}


def main() -> None:
    loop.keep_freed_blocks()
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--data", type=Path, required=True, help="the data pack")
    a.add_argument("--out", type=Path, required=True, help="checkpoints and logs")
    a.add_argument("--steps", type=int, help="instead of each network's own")
    a.add_argument("--seed", type=int, default=0)
    a.add_argument("--threads", type=int, default=1)
    a.add_argument("--every", type=int, default=500, help="steps between scores on val")
    a.add_argument("--results", type=Path, default=HERE / "results/permuted-pixels.json")
    o = a.parse_args()
    torch.set_num_threads(o.threads)
    train, test = pictures(o.data, "train"), pictures(o.data, "test")
    order = torch.from_numpy(np.random.default_rng(SHUFFLE_SEED).permutation(SIDE * SIDE))
    results: dict = {"experiment": "permuted-pixels", "train": len(train[0]) - VAL, "test": len(test[0]), "networks": {}}
    for name in ("convolutional", "perceiver"):
        in_place, shuffled = (run(name, how, train, test, o) for how in (None, order))
        results["networks"][name] = {
            "parameters": in_place["parameters"], "windows": in_place["windows"],
            "in_place": score.accuracy(in_place["flags"]), "shuffled": score.accuracy(shuffled["flags"]),
            "change": score.difference(shuffled["flags"], in_place["flags"]),
        }  # fmt: skip
    o.results.parent.mkdir(exist_ok=True)
    o.results.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results["networks"]))


if __name__ == "__main__":
    main()
