"""Computes mel spectrograms in decibels, like torchaudio's MelSpectrogram and AmplitudeToDB with their defaults."""

from math import log10

import torch
from torch import Tensor
from torch.nn import functional as F

N_FFT, HOP_LENGTH, N_MELS = 2048, 240, 128
MIN_POWER = 1e-10
MIN_SAMPLES = N_FFT // 2 + 1
"""Least number of samples. Mirroring half a window at both ends needs one sample more than half a window."""


class Mel:
    """Computes frames of the spectrogram of a waveform at `rate` Hz.

    The frames can be computed in parts. Only the ends of the whole waveform are mirrored, not the ends of the parts.
    """

    def __init__(self, rate: int, device: torch.device) -> None:
        self.window = torch.hann_window(N_FFT, device=device).double()
        self.filters = filters(rate).to(device)

    def __call__(self, mirrored: Tensor, first: int, last: int) -> Tensor:
        """Compute frames `first` to `last` (excluded) of a waveform from `mirror` -> [N_MELS, last - first] dB."""
        part = mirrored[HOP_LENGTH * first : HOP_LENGTH * (last - 1) + N_FFT]
        spectrum = torch.fft.rfft(part.unfold(0, N_FFT, HOP_LENGTH) * self.window)
        power = self.filters @ (spectrum.real.square() + spectrum.imag.square()).float().T
        return 10 * power.clamp(MIN_POWER).log10()


def frames(samples: int) -> int:
    """Return how many frames that many samples give. The last frame is dropped, as in the published code."""
    return samples // HOP_LENGTH


def mirror(samples: Tensor) -> Tensor:
    """Mirror half a window at both ends: [N] -> [N + N_FFT]. Frame i is then centred on sample HOP_LENGTH * i."""
    return F.pad(samples[None], (N_FFT // 2, N_FFT // 2), mode="reflect")[0]


def filters(rate: int) -> Tensor:
    """Return the mel filters [N_MELS, N_FFT / 2 + 1]: triangles of height 1.

    They are evenly spaced on HTK's mel scale from 0 Hz to half the rate.
    """
    hertz = torch.linspace(0, rate // 2, N_FFT // 2 + 1)  # in float32, as in torchaudio
    edges = 700 * (10 ** (torch.linspace(0, 2595 * log10(1 + rate / 2 / 700), N_MELS + 2) / 2595) - 1)
    rising = (hertz - edges[:-2, None]) / edges.diff()[:-1, None]
    falling = (edges[2:, None] - hertz) / edges.diff()[1:, None]
    return torch.minimum(rising, falling).clamp(0)
