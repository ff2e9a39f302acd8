"""The committed model files give PyTorch's golden logits, which can be made again."""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from percept_export import manifest, shapes
from percept_export.verify import Comparison, layout_feeds, run, session

EXPORT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(EXPORT))
import published_fixtures  # noqa: E402

GOLDEN = json.loads((published_fixtures.OUT / "published-golden.json").read_text())["models"]


def test_there_is_an_entry_for_each_file():
    files = sorted(path.name for path in published_fixtures.OUT.glob("published-*.onnx"))
    assert sorted(one["file"] for one in GOLDEN) == files
    assert all((published_fixtures.OUT / name).stat().st_size < 1e6 for name in files)


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda one: one["file"])
def test_a_committed_file_gives_its_golden_logits(golden):
    name = golden["file"].removeprefix("published-").removesuffix(".onnx")
    shape, options = published_fixtures.FILES[name]
    network = shapes.shape(shape, small=True)
    feeds, _ = published_fixtures.cases(network)
    path = published_fixtures.OUT / golden["file"]
    document = manifest.read(onnx.load(path))
    found = run(session(str(path)), layout_feeds(network.modalities, feeds, options.layout), document)
    expected = np.float64(golden["logits"])
    if options.int8:
        assert Comparison(expected, found).cosine >= golden["centred_cosine"]
    else:
        assert np.abs(found - expected).max() < golden["tolerance"]
    assert np.abs(network.reference(feeds) - expected).max() < 1e-4
