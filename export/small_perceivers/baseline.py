"""Two simple classifiers on the same features, to hold a network against."""

import numpy as np
import torch
from torch.nn import functional as F


def nearest_mean(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Labels [n] of the closest class mean; features are f32 [n, d]."""
    classes = np.unique(labels)
    means = np.stack([train[labels == c].mean(0) for c in classes])
    distances = ((test[:, None] - means) ** 2).sum(-1) if test.size * len(classes) < 3e7 else np.stack([((test - m) ** 2).sum(-1) for m in means], 1)  # fmt: skip
    return classes[distances.argmin(1)]


def logistic_regression(train: np.ndarray, labels: np.ndarray, test: np.ndarray, penalty: float = 1e-3) -> np.ndarray:
    """Labels [n] by multinomial logistic regression on standardised features, L2 penalty a weight."""
    mean, std = train.mean(0), train.std(0) + 1e-6
    x, y = torch.from_numpy((train - mean) / std).float(), torch.from_numpy(labels).long()
    weight = torch.zeros(x.shape[1], int(y.max()) + 1, requires_grad=True)
    bias = torch.zeros(int(y.max()) + 1, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        loss = F.cross_entropy(x @ weight + bias, y) + penalty * weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    with torch.no_grad():
        return (torch.from_numpy((test - mean) / std).float() @ weight + bias).argmax(1).numpy()
