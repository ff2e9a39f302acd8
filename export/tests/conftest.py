import pytest
import torch

from percept_export import shapes, structured

torch.set_num_threads(1)


class Case:
    """A small network, verify's inputs, and PyTorch's logits for them."""

    def __init__(self, name: str):
        self.name, self.network = name, shapes.shape(name, small=True)
        self.feeds = structured.inputs(self.network.modalities, 16)
        self.expected = self.network.reference(self.feeds)


@pytest.fixture(scope="session")
def case():
    """Makes the case of a shape, once a session. Networks are shared: do not change them."""
    made = {}
    return lambda name: made.setdefault(name, None) or made.update({name: Case(name)}) or made[name]
