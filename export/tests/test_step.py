"""One look a run."""

import numpy as np

from percept_export import lucidrains, shapes
from percept_export.verify import session
from percept_export.write import Options, write


def test_each_look_is_pytorchs_model_of_that_depth(case):
    """The first run starts from the learned latents by itself; the others are fed what the last one gave."""
    network, feeds = case("paper-video").network, {"video": case("paper-video").feeds["video"][:3]}
    loaded = session(write(network, Options(step=True)))
    whole = shapes.reference_checkpoint("paper-video", True, 0)
    latents = {}
    for depth in range(1, len(network.looks) + 1):
        logits, gives = loaded.run(["logits", "latents_next"], {**feeds, **latents})
        fewer = whole | {"arguments": whole["arguments"] | {"depth": depth}}
        fewer["state_dict"] = {
            key: value for key, value in whole["state_dict"].items()
            if not key.startswith("layers.") or int(key.split(".")[1]) < depth
        }  # fmt: skip
        wanted = lucidrains.adapt(fewer).reference(feeds)
        assert np.abs(logits - wanted).max() < 1e-4 * np.abs(wanted).max(), depth
        latents = {"latents": gives}


def test_latents_fed_are_used(case):
    network, feeds = case("image-fourier").network, {"image": case("image-fourier").feeds["image"][:2]}
    loaded = session(write(network, Options(step=True)))
    default, gives = loaded.run(["logits", "latents_next"], feeds)
    told = loaded.run(["logits"], {**feeds, "latents": network.latents[None]})[0]
    assert np.abs(default - told).max() < 1e-5
    again = loaded.run(["logits"], {**feeds, "latents": gives})[0]
    assert np.abs(default - again).max() > 1e-2
