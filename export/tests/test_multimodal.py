"""Video and sound: missing modalities, and the model's own mask."""

import numpy as np
import pytest
import torch

from percept_export.verify import layout_feeds, session
from percept_export.write import Options, write

WAYS = [Options(), Options(fold=False), Options(layout="byte_array")]


def logits(case, options, feeds):
    network = case("multimodal").network
    return session(write(network, options)).run(["logits"], layout_feeds(network.modalities, feeds, options.layout))[0]


@pytest.mark.parametrize("options", WAYS, ids=["folded", "unfolded", "byte_array"])
@pytest.mark.parametrize("missing", ["audio", "video"])
def test_a_missing_modality_is_not_seen_and_the_other_is(case, options, missing):
    names = ["audio", "video"]
    feeds = {key: value[:4].copy() for key, value in case("multimodal").feeds.items()}
    feeds["present"] = np.ones((4, 2), np.float32)
    whole = logits(case, options, feeds)
    feeds["present"][:, names.index(missing)] = 0.0
    without = logits(case, options, feeds)
    feeds[missing] = feeds[missing][::-1].copy()
    assert np.array_equal(without, logits(case, options, feeds))
    assert np.abs(whole - without).max() > 1e-3
    other = names[1 - names.index(missing)]
    feeds[other] = feeds[other][::-1].copy()
    assert np.abs(without - logits(case, options, feeds)).max() > 1e-3


@pytest.mark.parametrize("options", WAYS, ids=["folded", "unfolded", "byte_array"])
def test_presence_is_pytorchs_attention_mask(case, options):
    feeds = case("multimodal").feeds
    assert set(map(tuple, feeds["present"])) == {(1.0, 1.0), (0.0, 1.0), (1.0, 0.0)}
    found, expected = logits(case, options, feeds), case("multimodal").expected
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected - expected.mean(0)).max()


def test_presence_is_a_row_of_its_own_a_window(case):
    """Windows of one batch may lack different modalities."""
    feeds = case("multimodal").feeds
    together = logits(case, Options(), feeds)
    for k in range(4):
        alone = logits(case, Options(), {key: value[k : k + 1] for key, value in feeds.items()})
        assert np.abs(alone - together[k]).max() < 1e-5


def test_the_label_row_is_the_mask_token_without_chance(case):
    """A plain export draws the mask at random, and ONNX Runtime then draws its opposite."""
    model = write(case("multimodal").network, Options(fold=False))
    kinds = {node.op_type for node in model.graph.node}
    assert not kinds & {"Bernoulli", "RandomUniform", "RandomUniformLike", "RandomNormal"}
    feeds = {key: value[:2] for key, value in case("multimodal").feeds.items()}
    torch.manual_seed(1)
    first = case("multimodal").network.reference(feeds)
    torch.manual_seed(2)
    assert np.array_equal(first, case("multimodal").network.reference(feeds))
