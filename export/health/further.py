"""A model of which one part is trained further, all else bit for bit as it was: its weights, their average, checkpoints."""

import signal
from pathlib import Path

import torch
from torch.nn import functional as F

from .network import Perceiver, RawPerceiver

DECAY, EMA = 0.03, 0.998
REFRESH = 200  # steps between looks for new scenes, and between checkpoints


def widened(weight: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """The weight [out, in] of a linear layer with zeros for the inputs that `shape` has more, which are the last; unchanged where
    anything else differs."""
    if weight.dim() != 2 or len(shape) != 2 or weight.shape[0] != shape[0] or weight.shape[1] >= shape[1]:
        return weight
    return F.pad(weight, (0, shape[1] - weight.shape[1]))


class Further:
    """`model` inside `raw` learns where a weight's name begins with one of `learns`; `shadow` is the average, to score.

    `fresh` says whether this began with the weights of `warm` and not with a checkpoint in `out`: then weights that learn
    and do not fit are new, but for those of a layer that reads more than it did: what it reads more counts nothing at first.
    """

    def __init__(self, warm: Path, out: Path, learns: tuple[str, ...]):
        out.mkdir(parents=True, exist_ok=True)
        self.out, self.last, self.learns, self.step = out, out / "last.pt", learns, 0
        self.raw, self.shadow = RawPerceiver(Perceiver()), RawPerceiver(Perceiver())
        self.model = self.raw.model
        self.fresh = not self.last.exists()
        self.saved = {} if self.fresh else torch.load(self.last, map_location="cpu", weights_only=True)
        self.anew: set[str] = set()  # weights that begin as a new model's do
        self.narrower: dict[str, torch.Tensor] = {}  # those of `warm` that have another shape
        if self.fresh:
            weights, mine = torch.load(warm, map_location="cpu", weights_only=True)["ema"], self.model.state_dict()
            weights |= {n: widened(weights[n], w.shape) for n, w in mine.items() if n in weights and n.startswith(learns)}
            fits = {n for n, w in mine.items() if n in weights and weights[n].shape == w.shape}
            if lacking := [n for n in mine if n not in fits and not n.startswith(learns)]:
                raise SystemExit(f"{warm}: without {', '.join(lacking)}, which is to stay as it is")
            self.anew = mine.keys() - fits
            self.narrower = {n: weights[n] for n in self.anew if n in weights}
            self.model.load_state_dict({n: weights[n] if n in fits else w for n, w in mine.items()})
        else:
            self.model.load_state_dict(self.saved["model"])
            self.shadow.model.load_state_dict(self.saved["ema"])
            self.step = self.saved["step"]
        self.stop: list[bool] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop.append(True))

    def begin(self, rate: float, device: str, *apart: tuple[str, ...]) -> None:
        """Makes the optimiser: a group of all that learns but for the names `apart`, and one of each of these."""
        if self.fresh:
            self.shadow.model.load_state_dict(self.model.state_dict())
        self.raw.to(device), self.shadow.to(device)
        groups: list[list] = [[] for _ in range(1 + len(apart))]
        for name, weight in self.model.named_parameters():
            weight.requires_grad_(name.startswith(self.learns))
            if weight.requires_grad:
                groups[next((k for k, names in enumerate(apart, 1) if name.startswith(names)), 0)].append(weight)
        self.learned = [weight for group in groups for weight in group]
        self.optimiser = torch.optim.AdamW([{"params": group} for group in groups], rate, betas=(0.9, 0.98), weight_decay=DECAY)
        if self.saved:
            self.optimiser.load_state_dict(self.saved["optimiser"])

    def learn(self, loss: torch.Tensor, rates: tuple[float, ...], taken: int) -> None:
        """One step, at the rate of each group; `taken`: steps since the average began anew."""
        for group, rate in zip(self.optimiser.param_groups, rates, strict=True):
            group["lr"] = rate
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.learned, 1.0)
        self.optimiser.step()
        inertia = min(EMA, (1 + taken) / (10 + taken))
        with torch.no_grad():
            for its, mine in zip(self.shadow.model.parameters(), self.model.parameters()):
                if mine.requires_grad:
                    its.lerp_(mine, 1 - inertia)
        self.step += 1

    def keep(self) -> None:
        state = {"model": self.model.state_dict(), "ema": self.shadow.model.state_dict(), "optimiser": self.optimiser.state_dict(), "step": self.step}
        self.save(state, self.last)

    def finish(self) -> None:
        """Writes `final.pt`, to score and to export: the averaged weights, those that learn rounded to half precision, in which
        a model file holds them without loss."""
        learned = {n for n, _ in self.model.named_parameters() if n.startswith(self.learns)}  # what is fixed stays exact
        average = {n: w.half().float() if n in learned else w for n, w in self.shadow.model.state_dict().items()}
        self.save({"ema": average, "step": self.step}, self.out / "final.pt")

    def save(self, state: dict, path: Path) -> None:
        torch.save(state, self.out / "part.pt")
        (self.out / "part.pt").rename(path)
