"""Writes a file only if it has been shown to answer as PyTorch does."""

import os
from pathlib import Path

import onnx

from .network import Network
from .verify import INPUTS, verify
from .write import Options, write


def export(network: Network, out: Path, options: Options = Options(), inputs: int = INPUTS, expected=None) -> dict:
    """Writes `out` and gives verify's report. Raises ExportError, and leaves no file, where verify fails."""
    out = Path(out)
    report = verify(write(network, options), network, inputs, expected)
    model = write(network, options, report)
    partial = out.with_name(out.name + ".partial")
    try:
        onnx.save(model, partial)
        os.replace(partial, out)
    finally:
        partial.unlink(missing_ok=True)
    return report
