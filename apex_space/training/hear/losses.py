"""What HEAR learns from: the error of scores and of their order, and which songs are mixed, as published."""

import torch
from torch import Tensor
from torch.nn import functional as F

BETA = 0.5
"""Error up to which its square counts."""
PADDING = -1.0
"""Label of what is no song."""
SMALL = 1e-10


def regression(predicted: Tensor, truth: Tensor) -> Tensor:
    """Return the smooth absolute error [] of scores [B, T]."""
    return F.smooth_l1_loss(predicted, truth, beta=BETA)


def list_mle(predicted: Tensor, truth: Tensor) -> Tensor:
    """Return how unlikely the true order of N songs is by their predicted scores, the mean over T lists: [T, N] -> [].

    It is the sum over places, so it grows with the number of songs. Songs of equal truth are ordered at random.
    """
    shuffled = torch.randperm(predicted.shape[1]).to(predicted.device)
    truth, order = truth[:, shuffled].sort(descending=True, dim=1)
    scores = predicted[:, shuffled].gather(1, order).masked_fill(truth == PADDING, -torch.inf)
    scores = scores - scores.max(1, keepdim=True).values
    rest = scores.exp().flip(1).cumsum(1).flip(1)
    return ((rest + SMALL).log() - scores).masked_fill(truth == PADDING, 0).sum(1).mean()


def partners(labels: Tensor, songs: list[str]) -> Tensor:
    """Return the chance [N, N] of each sample to be mixed with each other: C-Mixup with a Gaussian of width 1.

    It depends on the distance of the labels [N, T]. Samples of the same song are never mixed.
    """
    numbers = {song: number for number, song in enumerate(dict.fromkeys(songs))}
    song = torch.tensor([numbers[each] for each in songs])
    chances = torch.exp(-torch.cdist(labels.double(), labels.double()).square() / 2)
    chances = chances.masked_fill(song[:, None] == song, 0)
    return (chances / chances.sum(1, keepdim=True)).float()
