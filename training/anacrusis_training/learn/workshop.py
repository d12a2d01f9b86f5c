"""The folder in which a model is made, and its stages in order; each is skipped where its result is there already.

``corpora/<recipe>/`` items, ``pack/<recipes>/train`` and ``.../dev``, ``networks/<name>/``, ``dev/`` pieces with audio, ``dev-features/``,
``calibration/``.
"""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

from torch import nn

from ..corpus import manifest
from ..nets.mixture import Calibration, Mixture
from ..ship.rounding import ROUNDED_BITS, round_weights
from .calibrate import Calibrator, Trial
from .group import Group
from .loop import Result, Trainer
from .model_recipe import ModelRecipe
from .pack import Pack, pack
from .score import corpus_features, raw_activations
from .settings import Settings
from .weights import WEIGHTS_FILE, blend_weights, load_network, load_weights

HELD_OUT_EVERY = 40
"""Every so many-th item is not trained on: the curve of the training is drawn on it."""


class Workshop:
    """One model in the making."""

    def __init__(self, recipe: ModelRecipe, folder: Path) -> None:
        self.recipe, self.folder = recipe, folder

    def corpus_dir(self, name: str) -> Path:
        """Where the items of a corpus recipe are."""
        return self.folder / "corpora" / name

    def dev_dir(self) -> Path:
        """Where the development pieces are."""
        return self.folder / "dev"

    def pack(self, corpora: list[str]) -> tuple[Pack, Pack]:
        """Training and held-out items of these corpora as flat arrays."""
        folder = self.folder / "pack" / "+".join(corpora)
        directories = folder / "train", folder / "dev"
        if not all((d / "index.json").exists() for d in directories):
            items = list(self._items(corpora))
            pack((path for i, path in enumerate(items) if i % HELD_OUT_EVERY), directories[0])
            pack((path for i, path in enumerate(items) if i % HELD_OUT_EVERY == 0), directories[1])
        return Pack(directories[0]), Pack(directories[1])

    def _items(self, corpora: list[str]) -> Iterable[Path]:
        for name in corpora:
            folder = self.corpus_dir(name)
            rows = manifest.read(folder)
            yield from (folder / rows[index].file for index in sorted(rows) if rows[index].status == "ok")

    def settings(self, name: str) -> Settings:
        """A network's settings with its teachers as folders, and with what it starts from as a file."""
        settings = self.recipe.networks[name]
        teachers = [str(self.network_dir(teacher)) for teacher in settings.teachers]
        start = settings.start
        if start in self.recipe.networks:
            start = str(self.network_dir(start) / WEIGHTS_FILE)
        return dataclasses.replace(settings, teachers=teachers, start=start)

    def network_dir(self, name: str) -> Path:
        """Where a network's weights, checkpoint and journal are."""
        return self.folder / "networks" / name

    def fit(self, name: str, quiet: bool = False) -> Result:
        """Train one network, or go on with it."""
        settings = self.settings(name)
        train, held_out = self.pack(settings.corpora or self.recipe.corpora)
        group = Group()
        try:
            return Trainer(settings, train, held_out, self.network_dir(name), group).run(quiet)
        finally:
            group.close()

    def mixture(self, calibration: Calibration | None = None) -> Mixture:
        """The trained members as the recipe mixes them."""
        members = [self.member(name) for name in self.recipe.members]
        return Mixture(members, list(self.recipe.members.values()), calibration or Calibration())

    def member(self, name: str) -> nn.Module:
        """A trained network as it is shipped: with the recipe's share of the weights that it started from, and rounded."""
        net = load_network(self.network_dir(name))
        start = self.settings(name).start
        if start is not None and self.recipe.start_share:
            beginning = copy.deepcopy(net)
            load_weights(beginning, Path(start))
            blend_weights(net, beginning, self.recipe.start_share)
        if self.recipe.weight_bits == ROUNDED_BITS:
            round_weights(net)
        return net

    def delay_frames(self) -> int:
        """The members' common delay.

        Raises
        ------
        ValueError
            Where they differ: their probabilities would describe different moments.
        """
        delays = {self.recipe.networks[name].delay_frames for name in self.recipe.members}
        if len(delays) != 1:
            raise ValueError(f"members with different delays cannot be mixed: {sorted(delays)} frames")
        return delays.pop()

    def calibrate(self, anacrusis_bin: Path) -> Trial:
        """Choose the calibration on the development pieces and keep it."""
        features = corpus_features(anacrusis_bin, self.dev_dir(), self.folder / "dev-features")
        raw = raw_activations(self.mixture(), features)
        work_dir = self.folder / "calibration"
        calibrator = Calibrator(anacrusis_bin, self.dev_dir(), features, raw, work_dir / "activations", self.delay_frames())
        best = calibrator.search()
        calibrator.write_journal(work_dir / "trials.jsonl")
        return best

    def calibration(self) -> Calibration:
        """The calibration that `calibrate` kept."""
        first = json.loads((self.folder / "calibration" / "trials.jsonl").read_text().splitlines()[0])
        return Calibration(first["beat_scale"], first["downbeat_scale"], first["floor"])
