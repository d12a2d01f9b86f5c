"""Batches: random crops of a packed corpus as features and targets, or whole beginnings for a fixed evaluation."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from .bands import augment, with_differences
from .pack import Pack


@dataclasses.dataclass(slots=True)
class Batch:
    """Features ``[batch, frames, 272]``; targets ``[batch, frames, 2]``; known ``[batch, frames]``; bpm ``[batch, frames]``."""

    features: torch.Tensor
    targets: torch.Tensor
    known: torch.Tensor
    bpm: torch.Tensor


class Sampler:
    """Draws crops: a family by weight, then one of its entries, then a place in it.

    Parameters
    ----------
    pack
        The corpus.
    weights
        Share of each family in a batch; families that are not named share by their hours. Empty: all by their hours.
    delay_frames
        The targets describe this many frames earlier: look-ahead bought by delay.
    """

    def __init__(self, pack: Pack, weights: dict[str, float], delay_frames: int, seed: int) -> None:
        self.pack, self.delay_frames = pack, delay_frames
        self.rng = np.random.default_rng(seed)
        frames = np.array([e.n_frames for e in pack.entries], float)
        families = np.array([e.family for e in pack.entries])
        unknown = sorted(set(weights) - set(families))
        if unknown:
            raise ValueError(f"family weights name {unknown}, which the corpus does not have")
        share = frames / frames.sum()
        for family, weight in weights.items():
            mine = families == family
            share[mine] = weight * frames[mine] / frames[mine].sum()
        self.share = share / share.sum()

    def batch(self, n_crops: int, n_frames: int, strength: float) -> Batch:
        """A random batch, augmented with `strength`."""
        chosen = self.rng.choice(len(self.share), n_crops, p=self.share)
        crops = []
        for idx in chosen:
            latest = max(0, self.pack.entries[idx].n_frames - n_frames)
            crops.append((int(idx), int(self.rng.integers(0, latest + 1))))
        return self._read(crops, n_frames, strength)

    def beginnings(self, indices: list[int], n_frames: int) -> Batch:
        """The first frames of these entries, not augmented."""
        return self._read([(idx, 0) for idx in indices], n_frames, 0.0)

    def _read(self, crops: list[tuple[int, int]], n_frames: int, strength: float) -> Batch:
        bands = np.zeros((len(crops), n_frames + 1, self.pack.bands.shape[1]), np.float32)
        targets = np.zeros((len(crops), n_frames, 3), np.float32)
        bpm = np.zeros((len(crops), n_frames), np.float32)
        for k, (idx, start) in enumerate(crops):
            entry = self.pack.entries[idx]
            first, n = entry.first + start, min(n_frames, entry.n_frames - start)
            bands[k, 1 : n + 1] = self.pack.bands[first : first + n]
            # The frame before the crop; a piece begins with a difference of 0.
            bands[k, 0] = self.pack.bands[first - 1] if start > 0 else bands[k, 1]
            delay = self.delay_frames
            targets[k, delay:n] = self.pack.targets[first : first + n - delay]
            bpm[k, delay:n] = self.pack.bpm[first : first + n - delay]
        features = with_differences(augment(torch.from_numpy(bands), self.rng, strength))
        targets = torch.from_numpy(targets)
        return Batch(features, targets[..., :2], targets[..., 2], torch.from_numpy(bpm))
