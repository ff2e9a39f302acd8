"""Writes a file only if it has been shown to answer as PyTorch does."""

import os
from pathlib import Path

import onnx

from .errors import ExportError
from .manifest import attach
from .network import Network
from .verify import INPUTS, verify
from .write import Options, write


def export(network: Network, out: Path, options: Options = Options(), inputs: int = INPUTS, expected=None) -> dict:
    """Writes `out` and gives verify's report. Raises ExportError, and leaves no file, where verify fails.

    `expected`: PyTorch's logits of verify's inputs, where they are known already.
    """
    out = Path(out)
    model = write(network, options)
    report = verify(model, network, inputs, expected, options.int8)
    attach(model, network, options, report)
    partial = out.with_name(out.name + ".partial")
    try:
        onnx.save(model, partial)
        os.replace(partial, out)
    except OSError as error:
        raise ExportError(f"cannot write {out}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return report
