"""Fits the constants of the confidence (`runtime-core/src/analysis/confidence.rs`) and prints them.

The beats come from the engine itself, with what it knew of each when it said it::

    anacrusis eval --corpus DEV --save-beats dev-beats
    anacrusis eval --corpus EVAL --save-beats eval-beats
    python tools/fit_confidence.py --all DEV dev-beats --halves EVAL eval-beats

A beat is right that has a true beat within 70 ms. The logistic function is fitted to all pieces of the corpora given with
``--all`` and to every second piece (the even ones in the order of their names) of those given with ``--halves``; every piece
counts the same. Weights are kept at 0 or above, so that more evidence never lowers the confidence. The calibration error is
printed for what was fitted to and for the other pieces of the halves.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

WINDOW_SEC = 0.07
"""A true beat this near makes a beat right, as in F-measure."""
SKIP_SEC = 5.0
"""What is not scored at the start of each piece, as in `anacrusis eval`."""
N_BINS = 10
"""Bins of the reliability diagram, of equally many beats."""
RIDGE = 1e-4
"""Weight of the squared weights in the loss: keeps what the data leave open finite."""
MIN_MODE_PROB = 0.01
"""As in `confidence.rs`."""
MIN_HEARD_PROB = 0.02
"""As in `confidence.rs`."""
MAX_UNHEARD = 32.0
"""As in `confidence.rs`."""
FEATURES = ("mode", "heard", "unheard")
"""Names of the columns of :func:`features`."""


@dataclass(frozen=True)
class Beats:
    """Announced beats of one piece.

    Attributes
    ----------
    features : np.ndarray
        ``[n_beats, 3]``.
    is_right : np.ndarray
        ``[n_beats]``, 1 or 0.
    """

    features: np.ndarray
    is_right: np.ndarray


def features(mode_prob: np.ndarray, heard_prob: np.ndarray, n_unheard: np.ndarray) -> np.ndarray:
    """What `BeatEvidence::features` makes of its values.

    Returns
    -------
    np.ndarray
        ``[n_beats, 3]``, each column the better the larger.
    """
    unheard = np.clip(n_unheard, 0, MAX_UNHEARD)
    return np.stack([logit(mode_prob, MIN_MODE_PROB), logit(heard_prob, MIN_HEARD_PROB), -np.log1p(unheard)], axis=1)


def logit(prob: np.ndarray, least: float) -> np.ndarray:
    """Log odds of probabilities taken for no surer than `least`, either way."""
    prob = np.clip(prob, least, 1 - least)
    return np.log(prob / (1 - prob))


def are_right(truth_sec: np.ndarray, beats_sec: np.ndarray) -> np.ndarray:
    """Whether a true beat lies within the window of each beat; both in order of time.

    Returns
    -------
    np.ndarray
        ``[n_beats]``, 1 or 0.
    """
    if len(truth_sec) == 0:
        return np.zeros(len(beats_sec))
    after = np.clip(np.searchsorted(truth_sec, beats_sec), 0, len(truth_sec) - 1)
    nearest = np.minimum(np.abs(truth_sec[after] - beats_sec), np.abs(truth_sec[np.maximum(after - 1, 0)] - beats_sec))
    return (nearest <= WINDOW_SEC).astype(float)


def read_piece(saved: Path, reference: Path) -> Beats | None:
    """Reads one piece; ``None`` where no beat was announced after the skip, or none is true.

    Parameters
    ----------
    saved : Path
        CSV of ``anacrusis eval --save-beats``.
    reference : Path
        True beats, ``time_sec<TAB>beat_in_bar`` a line.

    Raises
    ------
    ValueError
        The CSV lacks a column.
    """
    with saved.open(newline="") as file:
        rows = list(csv.DictReader(file))
    truth = np.array([float(line.split()[0]) for line in reference.read_text().splitlines() if line.strip()])
    if not rows or len(truth) == 0:
        return None
    names = ("time_sec", "mode_prob", "heard_prob", "n_unheard")
    missing = [name for name in names if name not in rows[0]]
    if missing:
        raise ValueError(
            f"{saved} has no column {missing[0]}: made by another version of `anacrusis eval --save-beats`"
        )
    time_sec, mode_prob, heard_prob, n_unheard = (np.array([float(row[name]) for row in rows]) for name in names)
    scored = time_sec >= SKIP_SEC
    if not scored.any():
        return None
    all_features = features(mode_prob, heard_prob, n_unheard)
    return Beats(all_features[scored], are_right(truth, time_sec)[scored])


def read_corpus(corpus: Path, saved: Path) -> list[Beats | None]:
    """The pieces of a corpus in the order of their names.

    Raises
    ------
    FileNotFoundError
        A piece has no saved beats.
    """
    manifest = corpus / "manifest.json"
    if manifest.is_file():
        pieces = json.loads(manifest.read_text())["pieces"]
        pairs = sorted((piece["id"], Path(piece["audio"]).stem, corpus / piece["beats"]) for piece in pieces)
    else:
        pairs = [(path.stem, path.stem, path) for path in sorted((corpus / "ann").glob("*.beats"))]
    for _, stem, _ in pairs:
        if not (saved / f"{stem}.csv").is_file():
            raise FileNotFoundError(
                f"{saved / f'{stem}.csv'} is missing: run `anacrusis eval --corpus {corpus} --save-beats {saved}`"
            )
    return [read_piece(saved / f"{stem}.csv", reference) for _, stem, reference in pairs]


def probabilities(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The logistic function: ``weights[0]`` is the constant term.

    Returns
    -------
    np.ndarray
        ``[n_beats]``, in (0, 1).
    """
    return 1 / (1 + np.exp(-(weights[0] + values @ weights[1:])))


def fit(pieces: list[Beats], n_steps: int = 4000) -> np.ndarray:
    """Maximum likelihood with weights of 0 or above, by projected gradient descent with momentum.

    Parameters
    ----------
    pieces : list of Beats
        Each counts the same.
    n_steps : int
        Steps; the loss is convex and smooth, so this many are far more than enough.

    Returns
    -------
    np.ndarray
        ``[1 + n_features]``: constant term, weights.
    """
    values = np.concatenate([piece.features for piece in pieces])
    is_right = np.concatenate([piece.is_right for piece in pieces])
    share = np.concatenate([np.full(len(piece.is_right), 1 / len(piece.is_right) / len(pieces)) for piece in pieces])
    design = np.column_stack([np.ones(len(values)), values])
    # The largest eigenvalue of the Hessian's bound gives the step that cannot overshoot.
    step = 1 / (0.25 * np.linalg.eigvalsh(design.T @ (share[:, None] * design))[-1] + RIDGE)
    weights = np.zeros(design.shape[1])
    ahead, momentum = weights.copy(), 1.0
    for _ in range(n_steps):
        gradient = design.T @ (share * (1 / (1 + np.exp(-design @ ahead)) - is_right))
        gradient[1:] += RIDGE * ahead[1:]
        new = ahead - step * gradient
        new[1:] = np.maximum(new[1:], 0)
        # Nesterov's sequence (Beck & Teboulle, "FISTA", SIAM J. Imaging Sciences 2009).
        new_momentum = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = new + (momentum - 1) / new_momentum * (new - weights)
        weights, momentum = new, new_momentum
    return weights


def calibration(confidence: np.ndarray, is_right: np.ndarray) -> tuple[float, list[tuple[float, float, int]]]:
    """Expected calibration error over bins of equally many beats, and the bins: mean confidence, share right, beats."""
    order = np.argsort(confidence, kind="stable")
    edges = [k * len(order) // N_BINS for k in range(N_BINS + 1)]
    bins = [
        (confidence[order[a:b]].mean(), is_right[order[a:b]].mean(), b - a)
        for a, b in itertools.pairwise(edges)
        if b > a
    ]
    error = sum(n * abs(mean - share) for mean, share, n in bins) / max(len(order), 1)
    return float(error), [(float(mean), float(share), n) for mean, share, n in bins]


def report(name: str, weights: np.ndarray, pieces: list[Beats]) -> None:
    """Prints error and diagram of some pieces."""
    if not pieces:
        return
    is_right = np.concatenate([piece.is_right for piece in pieces])
    error, bins = calibration(probabilities(weights, np.concatenate([piece.features for piece in pieces])), is_right)
    print(f"{name}: {len(pieces)} pieces, {len(is_right)} beats, {is_right.mean():.3f} right, ECE {error:.3f}")
    for mean, share, n_beats in bins:
        print(f"  confidence {mean:.3f}  right {share:.3f}  beats {n_beats}")


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", nargs=2, type=Path, action="append", default=[], metavar=("CORPUS", "BEATS"))
    parser.add_argument("--halves", nargs=2, type=Path, action="append", default=[], metavar=("CORPUS", "BEATS"))
    options = parser.parse_args(arguments)
    fitted, held_out = [], []
    for corpus, saved in options.all:
        fitted += read_corpus(corpus, saved)
    for corpus, saved in options.halves:
        pieces = read_corpus(corpus, saved)
        fitted += pieces[::2]
        held_out += pieces[1::2]
    fitted = [piece for piece in fitted if piece is not None]
    held_out = [piece for piece in held_out if piece is not None]
    if not fitted:
        parser.error("nothing to fit: give --all or --halves")
    weights = fit(fitted)
    print(f"const BIAS: f64 = {weights[0]:.3f};")
    print(f"const WEIGHTS: [f64; N_FEATURES] = [{', '.join(f'{weight:.3f}' for weight in weights[1:])}];")
    report("fitted", weights, fitted)
    report("held out", weights, held_out)


if __name__ == "__main__":
    main()
