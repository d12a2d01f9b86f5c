#!/usr/bin/env python3
"""Score made-up beat sequences with mir_eval and store inputs and results: generate.py

Writes `cases.json` and `MANIFEST.json` beside itself; `app/src/eval/metrics/golden.rs` holds our
metrics against them. Needs numpy and mir_eval; the same versions give the same bytes.

Every time is rounded to `DECIMALS` before it is scored, so the stored numbers are the scored ones.
"""
import hashlib
import json
import warnings
from pathlib import Path

import mir_eval
import numpy as np

DECIMALS = 6
SEED = 20261120
# Largest absolute difference that the test accepts; every score is a plain number of order 1.
TOLERANCE = 1e-6

warnings.filterwarnings("ignore", category=UserWarning)
warnings.filterwarnings("ignore", category=RuntimeWarning)


def grid(bpm, n_beats, start_sec=0.37):
    """Steady beats, seconds, shape (n_beats,)."""
    return start_sec + np.arange(n_beats) * 60.0 / bpm


def drifting(rng, bpm, n_beats, sd=0.02):
    """Beats of a player whose tempo wanders by `sd` a beat, seconds, shape (n_beats,)."""
    period = 60.0 / bpm * np.exp(np.cumsum(rng.normal(0.0, sd, n_beats)))
    return 0.8 + np.cumsum(period)


def jitter(rng, beats, sd_sec):
    """The same beats, each moved by a normal error of `sd_sec` seconds."""
    return beats + rng.normal(0.0, sd_sec, len(beats))


def halves(beats):
    """Points half way between neighbouring beats, shape (n - 1,)."""
    return 0.5 * (beats[1:] + beats[:-1])


def cases(rng):
    """Yield (name, reference, estimate), both in seconds."""
    empty = np.zeros(0)
    steady = grid(120, 60)
    human = drifting(rng, 96, 60)
    yield "identical", steady, steady
    yield "both_empty", empty, empty
    yield "empty_reference", empty, steady[:10]
    yield "empty_estimate", steady[:10], empty
    yield "single_reference", steady[:1], steady
    yield "single_estimate", steady, steady[:1]
    yield "single_both_equal", steady[:1], steady[:1]
    yield "single_both_apart", steady[:1], steady[:1] + 0.2
    yield "two_against_two", steady[:2], steady[:2] + 0.01
    yield "two_against_many", steady[:2], steady[:12]
    yield "three_against_three", steady[:3], steady[:3] - 0.03
    for sd_ms in (5, 20, 35, 60, 120):
        yield f"jitter_{sd_ms}_ms", human, jitter(rng, human, sd_ms / 1000.0)
    for late_ms in (24, 26, 69, 71, 88, 250):
        yield f"late_{late_ms}_ms", steady, steady + late_ms / 1000.0
    # Times on a millisecond raster: many pairs lie exactly one window apart.
    yield "exactly_one_window_late", np.arange(1, 40) * 0.5, np.arange(1, 40) * 0.5 + 0.07
    yield "exactly_one_window_early", np.arange(1, 40) * 0.5, np.arange(1, 40) * 0.5 - 0.07
    yield "millisecond_raster", np.arange(1, 60) * 0.435, np.arange(1, 60) * 0.435 + rng.integers(-75, 76, 59) / 1000.0
    yield "double_tempo", human, np.sort(np.concatenate([human, halves(human)]))
    yield "half_tempo_odd", human, human[::2]
    yield "half_tempo_even", human, human[1::2]
    yield "triple_tempo", steady, grid(360, 178)
    yield "offbeat", human, halves(human)
    yield "offbeat_jittered", human, jitter(rng, halves(human), 0.02)
    yield "octave_switch", human, np.concatenate([human[:30], human[30::2]])
    yield "missing_third", human, human[rng.random(60) > 0.33]
    yield "extra_beats", human, np.concatenate([human, rng.uniform(0.0, human[-1], 25)])
    yield "missing_and_extra", human, np.concatenate([jitter(rng, human[rng.random(60) > 0.2], 0.03), rng.uniform(0.0, human[-1], 15)])
    yield "crowded_estimates", steady[:30], np.concatenate([steady[:30] - 0.04, steady[:30], steady[:30] + 0.05])
    yield "crowded_references", np.concatenate([steady[:20], steady[:20] + 0.06]), steady[:20] + 0.03
    yield "chain_of_windows", np.arange(20) * 0.1 + 1.0, np.arange(20) * 0.1 + 1.065
    yield "repeated_estimates", steady[:20], np.repeat(steady[:20], 2)
    yield "repeated_references", np.repeat(steady[:20], 2), steady[:20] + 0.01
    yield "long_gap_in_estimate", human, np.concatenate([human[:12], human[45:]])
    yield "long_gap_in_reference", np.concatenate([human[:12], human[45:]]), human
    yield "wrong_tempo", steady, grid(133, 66)
    yield "tempo_step", np.concatenate([grid(100, 30), 0.37 + 18.0 + np.arange(30) * 0.4]), grid(100, 50)
    yield "triplet_level", steady, grid(80, 40)
    yield "unrelated", np.sort(rng.uniform(0, 40, 70)), np.sort(rng.uniform(0, 40, 55))
    yield "disjoint_in_time", steady[:20], steady[:20] + 100.0


def score(reference, estimate):
    """All stored scores of one case, name -> float, or None where mir_eval divides zero by zero."""
    beat = mir_eval.beat
    cmlc, cmlt, amlc, amlt = beat.continuity(reference, estimate)
    cemgil, cemgil_best = beat.cemgil(reference, estimate)
    scores = {
        "f70": beat.f_measure(reference, estimate),
        "f25": beat.f_measure(reference, estimate, f_measure_threshold=0.025),
        "cmlc": cmlc, "cmlt": cmlt, "amlc": amlc, "amlt": amlt,
        "cemgil": cemgil, "cemgil_best": cemgil_best,
        "information_gain": beat.information_gain(reference, estimate),
    }
    return {name: float(value) if np.isfinite(value) else None for name, value in scores.items()}


def main():
    folder = Path(__file__).resolve().parent
    rng = np.random.default_rng(SEED)
    rows = []
    for name, reference, estimate in cases(rng):
        reference = np.round(np.sort(np.maximum(reference, 0.0)), DECIMALS)
        estimate = np.round(np.sort(np.maximum(estimate, 0.0)), DECIMALS)
        scores = score(reference, estimate)
        rows.append(json.dumps({
            "name": name, "reference_sec": reference.tolist(), "estimated_sec": estimate.tolist(), "scores": scores}))
    text = "[\n" + ",\n".join(rows) + "\n]\n"
    (folder / "cases.json").write_text(text)
    manifest = {
        "generator": "tests/golden/metrics/generate.py",
        "mir_eval": mir_eval.__version__,
        "numpy": np.__version__,
        "seed": SEED,
        "tolerance": TOLERANCE,
        "n_cases": len(rows),
        "files": {"cases.json": {"sha256": hashlib.sha256(text.encode()).hexdigest(), "bytes": len(text.encode())}},
    }
    (folder / "MANIFEST.json").write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    main()
