"""Choosing the mixture's weights and calibration through the decoder, on a development corpus and nothing else.

What a filter wants of a network is not what cross-entropy gives: class weights and mixing bend the probabilities. So the few numbers
of the calibration are searched for, one after another, each over a short list, by the score that they lead to.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np

from ..nets.mixture import Calibration
from .score import evaluate, means, write_activations

BEAT_SCALES = (1.0, 0.5, 0.25, 0.12, 0.06)
DOWNBEAT_RATIOS = (0.35, 0.6, 1.0, 1.6)
FLOORS = (0.0, 0.03)

OBJECTIVE = {"f70": 1.0, "downbeat_f70": 1.0, "cmlt": 0.5, "amlt": 0.5}
"""What a calibration is chosen by: the weighted sum of these means over the development pieces."""


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    """A calibration and what it led to on the development corpus."""

    calibration: Calibration
    means: dict[str, float]

    def objective(self) -> float:
        """See `OBJECTIVE`."""
        return sum(weight * self.means[metric] for metric, weight in OBJECTIVE.items())


class Calibrator:
    """Scores calibrations of given activations on a development corpus; each is run once."""

    def __init__(
        self,
        anacrusis_bin: Path,
        corpus: Path,
        features: dict[str, Path],
        raw: dict[str, np.ndarray],
        work_dir: Path,
        delay_frames: int = 0,
    ) -> None:
        self.anacrusis_bin, self.corpus, self.features, self.raw = anacrusis_bin, corpus, features, raw
        self.work_dir, self.delay_frames = work_dir, delay_frames
        self.trials: dict[Calibration, Trial] = {}

    def trial(self, calibration: Calibration) -> Trial:
        """Run one calibration."""
        if calibration not in self.trials:
            write_activations(self.raw, self.features, calibration, self.work_dir, self.delay_frames)
            report = evaluate(self.anacrusis_bin, self.corpus, self.work_dir)
            self.trials[calibration] = Trial(calibration, means(report))
        return self.trials[calibration]

    def search(self) -> Trial:
        """The best of a coordinate-wise search: the common scale, then the downbeat's, then the floor."""
        best = max((self.trial(Calibration(s, s)) for s in BEAT_SCALES), key=Trial.objective)
        scale = best.calibration.beat_scale
        ratios = [self.trial(Calibration(scale, scale * ratio)) for ratio in DOWNBEAT_RATIOS]
        best = max(ratios, key=Trial.objective)
        floors = [self.trial(dataclasses.replace(best.calibration, floor=floor)) for floor in FLOORS]
        return max(floors, key=Trial.objective)

    def write_journal(self, path: Path) -> None:
        """One JSON line per trial, best first."""
        ordered = sorted(self.trials.values(), key=Trial.objective, reverse=True)
        lines = [json.dumps({**dataclasses.asdict(t.calibration), **t.means, "objective": t.objective()}) for t in ordered]
        path.write_text("\n".join(lines) + "\n")
