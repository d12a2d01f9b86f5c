"""Where everything in between lies, and the steps from songs to a compared table; each goes on where it was stopped."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from anacrusis_training.controller import metrics, systems, traces
from anacrusis_training.controller.metrics import SongResult
from anacrusis_training.controller.songs import Truth, read_truth, write_song
from anacrusis_training.controller.traces import Trace
from anacrusis_training.render.soundfonts import Soundfont

RESULTS_FILE = "results.json"
NET, MAPPING, CHANCE, SHUFFLED_NET, SHUFFLED_MAPPING = "net", "mapping", "smooth chance", "net, other song", "mapping, other song"


@dataclasses.dataclass(frozen=True, slots=True)
class Workshop:
    """Folders below `work`, and the runtime."""

    work: Path
    binary: Path

    @property
    def song_dir(self) -> Path:
        """Sound and truth of songs."""
        return self.work / "songs"

    @property
    def trace_dir(self) -> Path:
        """What the mapping makes of them."""
        return self.work / "traces"

    @property
    def net_dir(self) -> Path:
        """Weights and log."""
        return self.work / "net"

    def songs(self, part: str) -> list[Path]:
        """Sounds of a part that are there."""
        return sorted(self.song_dir.glob(f"{part}_*.flac"))

    def make_songs(self, seed: int, counts: dict[str, int], fonts: Sequence[Soundfont], say: Callable[[str], None] = print) -> None:
        """Compose and render what is missing."""
        for part, count in counts.items():
            for index in range(count):
                say(write_song(self.song_dir, seed, part, index, fonts).name)

    def make_traces(self, parts: Sequence[str], say: Callable[[str], None] = print) -> None:
        """Run the mapping over every song that has no trace yet."""
        for part in parts:
            for path in self.songs(part):
                out = self.trace_dir / f"{path.stem}.npz"
                if not out.is_file():
                    traces.run(self.binary, path, out)
                    say(out.name)

    def compare(self, sounds: Sequence[tuple[Path, Truth]], weights: Path, say: Callable[[str], None] = print) -> dict[str, dict[str, float]]:
        """The table: a row of measures for each system, on these sounds."""
        base = [self._base(path) for path, _ in sounds]
        onsets = [traces.onset_strength(path, len(trace.inputs)) for (path, _), trace in zip(sounds, base, strict=True)]
        inputs = [trace.inputs for trace in base]
        rows: dict[str, dict[str, float]] = {}

        def judge(name: str, own: Sequence[np.ndarray], controller: str) -> None:
            results = []
            for (path, truth), given, heard in zip(sounds, own, onsets, strict=True):
                # Pictures are looked at for the two that may be shipped.
                trace = self._again(path, given, controller, judge=name in (NET, MAPPING))
                results.append(SongResult(trace.controls, trace.judged, truth, heard))
            rows[name] = metrics.measure(results)
            say(f"{name}: " + " ".join(f"{key} {value:.3f}" for key, value in rows[name].items()))

        judge(NET, inputs, str(weights))
        judge(MAPPING, inputs, "mapping")
        judge(SHUFFLED_NET, systems.shuffled(inputs), str(weights))
        judge(SHUFFLED_MAPPING, systems.shuffled(inputs), "mapping")
        for what in systems.ABLATIONS:
            judge(f"net, {what}", [systems.without(given, what) for given in inputs], str(weights))
            judge(f"mapping, {what}", [systems.without(given, what) for given in inputs], "mapping")
        rows[CHANCE] = metrics.measure(
            [
                SongResult(systems.smooth_chance(len(trace.inputs), 100 + k), {}, truth, heard)
                for k, ((_, truth), trace, heard) in enumerate(zip(sounds, base, onsets, strict=True))
            ]
        )
        return rows

    def adversarial(self, weights: Path) -> dict[str, dict[str, int]]:
        """Most modelled flashes in a second for each sound that was made to flicker."""
        out: dict[str, dict[str, int]] = {}
        for path in systems.adversarial_sounds(self.work / "adversarial"):
            inputs = self._base(path).inputs
            for name, controller in ((NET, str(weights)), (MAPPING, "mapping")):
                out.setdefault(name, {})[path.stem] = metrics.flashes(metrics.luminance(self._again(path, inputs, controller).controls))
        return out

    def is_deterministic(self, path: Path, weights: Path) -> bool:
        """Whether the same inputs give the same bytes twice."""
        inputs = self._base(path).inputs
        first, second = (self._again(path, inputs, str(weights)).controls.tobytes() for _ in range(2))
        return first == second

    def _base(self, path: Path) -> Trace:
        out = self.trace_dir / f"{path.stem}.npz"
        return traces.read(out) if out.is_file() else traces.run(self.binary, path, out)

    def _again(self, path: Path, inputs: np.ndarray, controller: str, judge: bool = False) -> Trace:
        folder = self.work / "scratch"
        source = traces.write_inputs(folder / f"{path.stem}.in.npz", inputs)
        return traces.run(self.binary, source, folder / f"{path.stem}.out.npz", controller, judge)


def held_out(workshop: Workshop) -> list[tuple[Path, Truth]]:
    """The songs of the test part."""
    return [(path, read_truth(path)) for path in workshop.songs("test")]


def evaluation_pieces(corpus: Path) -> list[tuple[Path, Truth]]:
    """Pieces with sections of a corpus in the evaluation format; those whose sections have no function are left out."""
    from anacrusis_training.structure.labels import LABEL_INDEX, map_label

    out = []
    for path in sorted((corpus / "ann").glob("*.sections")):
        rows = [line.split(maxsplit=1) for line in path.read_text().splitlines() if line.strip()]
        if any(word.startswith("section") for _, word in rows):
            continue
        beats = [line.split() for line in path.with_suffix(".beats").read_text().splitlines() if line.strip()]
        inner = [(float(start), LABEL_INDEX[map_label(word).label]) for start, word in rows if word.strip() != "end"]
        beat_rows = np.array([(float(t), float(b)) for t, b, *_ in beats])
        end_sec = float(rows[-1][0]) if rows[-1][1].strip() == "end" else float(beat_rows[-1, 0])
        sound = corpus / "audio" / f"{path.stem}.ogg"
        out.append((sound, Truth(beat_rows, np.array([s for s, _ in inner]), np.array([label for _, label in inner]), end_sec)))
    return out


def save_results(work: Path, results: dict) -> None:
    """Write what a card is made of."""
    (work / RESULTS_FILE).write_text(json.dumps(results, indent=1, sort_keys=True))
