"""Fourier features of a grid's rows (Jaegle et al. 2021, section 3.2), as docs/design.md defines them."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Position:
    """Features of a grid of `cells` rows an axis, slowest axis first."""

    cells: tuple[int, ...]
    bands: tuple[int, ...]
    max_resolution: tuple[float, ...]

    @property
    def rows(self) -> int:
        return int(np.prod(self.cells))

    @property
    def channels(self) -> int:
        return len(self.cells) + 2 * sum(self.bands)

    def features(self) -> np.ndarray:
        """f32 [rows, channels]: positions, then sines axis by axis, then cosines axis by axis; angles in f64."""
        axes = [np.linspace(-1.0, 1.0, n) if n > 1 else np.array([-1.0]) for n in self.cells]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(self.rows, len(axes))
        frequencies = [np.linspace(1.0, top / 2.0, k) for k, top in zip(self.bands, self.max_resolution)]
        angles = [np.pi * grid[:, a : a + 1] * f for a, f in enumerate(frequencies)]
        return np.concatenate([grid, *map(np.sin, angles), *map(np.cos, angles)], 1).astype(np.float32)

    def manifest(self) -> dict:
        return {
            "bands": list(self.bands),
            "max_resolution": list(self.max_resolution),
            "concat_pos": True,
            "sine_only": False,
            "order": "positions_sines_cosines",
        }
