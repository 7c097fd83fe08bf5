"""Carratino et al.'s correction at prediction: mixup networks learn a rescaled problem."""

import numpy as np
from scipy.special import betainc


def rescaled_logits(networks, held, alpha):
    """Logits `(S, N, K)` of the held-out samples, corrected.

    Training by Mixup shrinks samples towards their mean x̄ by θ̄ = E[max(λ, 1 - λ)], so
    predictions are made at θ̄x + (1 - θ̄)x̄, and their shrinkage towards the mean label is undone.
    """
    theta = 1.0 - betainc(alpha + 1.0, alpha, 0.5)
    mean_x = held.train.mean(axis=1, keepdims=True)
    logits = networks.logits(np.float32(theta * held.x + (1.0 - theta) * mean_x))
    mean_label = np.eye(held.classes)[held.given].mean(axis=1, keepdims=True)
    return logits / theta + (1.0 - 1.0 / theta) * mean_label
