"""Position features of rows: the reference implementation's own numbers, and their split by axis.

Every Fourier channel of a grid depends on one axis only. That is checked bit for bit before it is
relied upon.
"""

from dataclasses import dataclass

import numpy as np
import torch

from .errors import ExportError

ORDERS = ("positions_sines_cosines", "axis_sines_cosines_position")


@dataclass
class Fourier:
    """What the manifest's `position` says; one number an axis in `bands` and `max_resolution`."""

    bands: list[int]
    max_resolution: list[float]
    order: str
    concat_pos: bool = True
    sine_only: bool = False

    @property
    def axes(self) -> int:
        return len(self.bands)

    def columns(self, axis: int) -> list[int]:
        """The columns of one axis: its position, its sines, its cosines."""
        places, turns = int(self.concat_pos), 1 if self.sine_only else 2
        bands, total = self.bands[axis], sum(self.bands)
        before = sum(self.bands[:axis])
        if self.order == "positions_sines_cosines":
            first = self.axes * places + before
            position = [axis] * places
            sines = range(first, first + bands)
            cosines = range(first + total, first + total + bands) if turns == 2 else ()
        else:
            first = before * turns + axis * places
            sines = range(first, first + bands)
            cosines = range(first + bands, first + 2 * bands) if turns == 2 else ()
            position = [first + turns * bands] * places
        return [*position, *sines, *cosines]

    def frequencies(self, axis: int) -> np.ndarray:
        """Cycles over half the axis, as the reference rounds them: f32 [bands]."""
        return torch.linspace(1.0, self.max_resolution[axis] / 2, self.bands[axis]).numpy()

    def manifest(self, tables: bool) -> dict:
        document = {
            "bands": self.bands,
            "max_resolution": self.max_resolution,
            "concat_pos": self.concat_pos,
            "sine_only": self.sine_only,
            "order": self.order,
            "time": "grid",
        }
        return document | ({"tables": True} if tables else {})

    def features(self, places: np.ndarray) -> np.ndarray:
        """Features of places f32 [rows, axes], by the implementation that `order` comes from, an axis at a time."""
        tensor = torch.from_numpy(np.ascontiguousarray(places, np.float32))
        found = np.empty((len(places), sum(len(self.columns(axis)) for axis in range(self.axes))), np.float32)
        for axis, (bands, resolution) in enumerate(zip(self.bands, self.max_resolution)):
            place, sines, cosines = reference(self.order, tensor[:, axis : axis + 1], bands, resolution)
            parts = [place] * self.concat_pos + [sines] + [cosines] * (not self.sine_only)
            found[:, self.columns(axis)] = np.concatenate(parts, 1)
        return found

    def grid_table(self, grid: tuple[int, ...]) -> np.ndarray:
        """Features of each row of a grid: f32 [rows, columns]."""
        axes = [torch.linspace(-1.0, 1.0, n) for n in grid]
        places = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(grid))
        return self.features(places.numpy())


def reference(order: str, places: torch.Tensor, bands: int, resolution: float) -> tuple[np.ndarray, ...]:
    """Position, sines and cosines of places f32 [rows, 1] along one axis."""
    if order == "positions_sines_cosines":
        from transformers.models.perceiver.modeling_perceiver import generate_fourier_features

        found = generate_fourier_features(places[None], bands, (resolution,))[0].numpy()
        return found[:, :1], found[:, 1 : bands + 1], found[:, bands + 1 :]
    from perceiver_pytorch.perceiver_pytorch import fourier_encode

    found = fourier_encode(places, resolution, bands).flatten(1).numpy()
    return found[:, -1:], found[:, :bands], found[:, bands : 2 * bands]


def split(table: np.ndarray, grid: tuple[int, ...], fourier: Fourier) -> list[np.ndarray]:
    """One table f32 [length, columns] an axis, in the order of [`Fourier.columns`].

    Raises ExportError where a column depends on more than its axis.
    """
    cube = table.reshape(*grid, -1)
    tables = []
    for axis in range(len(grid)):
        columns = fourier.columns(axis)
        index = tuple(slice(None) if a == axis else 0 for a in range(len(grid)))
        one = cube[index][:, columns]
        shape = [1] * len(grid) + [len(columns)]
        shape[axis] = grid[axis]
        if not np.array_equal(cube[..., columns], np.broadcast_to(one.reshape(shape), (*grid, len(columns)))):
            raise ExportError(
                f"position features of axis {axis} depend on other axes too, so they cannot be kept as a "
                "table an axis; export with --layout raw --no-fold"
            )
        tables.append(np.ascontiguousarray(one))
    return tables


def join(tables: list[np.ndarray], grid: tuple[int, ...], fourier: Fourier) -> np.ndarray:
    """What [`split`] took apart: f32 [rows, columns]."""
    cube = np.empty((*grid, sum(table.shape[1] for table in tables)), np.float32)
    for axis, table in enumerate(tables):
        shape = [1] * len(grid) + [table.shape[1]]
        shape[axis] = grid[axis]
        cube[..., fourier.columns(axis)] = table.reshape(shape)
    return cube.reshape(-1, cube.shape[-1])
