"""Targets, the packing of items, and the augmentation of bands."""

import json

import numpy as np
import pytest
import torch

from anacrusis_training.learn.bands import augment, transpose, with_differences
from anacrusis_training.learn.crops import Sampler
from anacrusis_training.learn.pack import Pack, pack, refusal
from anacrusis_training.learn.targets import beat_targets, known_frames, tempo_curve

BEATS = np.array([[0.5 * k + 0.1, k % 4 + 1] for k in range(16)])


def test_a_triangle_stands_over_each_beat() -> None:
    targets = beat_targets(np.array([[0.1, 1], [0.213, 2]]), 20)
    # 0.1 s is frame 5 exactly: 1 there, a third beside it.
    assert np.allclose(targets[3:8, 1], [0, 1 / 3, 1, 1 / 3, 0], atol=1e-6)
    # 0.213 s is frame 10.65.
    assert np.allclose(targets[9:13, 0], [0, 1 - 0.65 / 1.5, 1 - 0.35 / 1.5, 1 - 1.35 / 1.5], atol=1e-6)
    assert targets[:, 0].sum() + targets[:, 1].sum() == pytest.approx(targets[3:13].sum())


def test_beats_outside_the_piece_leave_no_trace() -> None:
    assert not beat_targets(np.array([[-1.0, 1], [99.0, 2]]), 10).any()
    assert beat_targets(np.zeros((0, 2)), 3).shape == (3, 2)


def test_tempo_is_known_between_beats_only() -> None:
    bpm = tempo_curve(BEATS, 500)
    assert bpm[4] == 0 and bpm[5] == pytest.approx(120.0) and bpm[379] == pytest.approx(120.0) and bpm[380] == 0


def test_truth_ends_half_a_beat_after_the_last() -> None:
    known = known_frames(BEATS, 500)
    assert known[: int((BEATS[-1, 0] + 0.25) * 50)].all() and not known[int((BEATS[-1, 0] + 0.25) * 50) :].any()
    assert not known_frames(BEATS[:1], 10).any()


@pytest.mark.parametrize(
    ("beats", "message"),
    [
        (BEATS[:5], "5 beats"),
        (BEATS[::-1], "time order"),
        (np.stack([np.arange(20) * 2.0, np.ones(20)], 1), "30 BPM"),
        (BEATS, None),
    ],
)
def test_refusals_say_why(beats: np.ndarray, message: str | None) -> None:
    got = refusal(beats)
    assert (got is None) if message is None else message in got


def test_differences_are_positive_halves() -> None:
    bands = torch.tensor([[[1.0], [3.0], [2.0]]])
    assert with_differences(bands).tolist() == [[[3.0, 2.0], [2.0, 0.0]]]


def test_augmentation_without_strength_is_the_identity_and_with_it_is_seeded() -> None:
    bands = torch.rand(4, 30, 136)
    assert augment(bands, np.random.default_rng(0), 0.0) is bands
    once, again = (augment(bands.clone(), np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(once, again) and torch.isfinite(once).all() and (once >= 0).all() and not torch.equal(once, bands)


def test_transposition_moves_bands() -> None:
    magnitude = torch.arange(10.0)[None]
    assert transpose(magnitude, 0) is magnitude
    assert transpose(magnitude, 3)[0, 3:].tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert transpose(magnitude, -3)[0, :7].tolist() == [3, 4, 5, 6, 7, 8, 9]


def write_item(path, n_frames: int, family: str, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    bands = rng.random((n_frames, 136)).astype(np.float16)
    meta = json.dumps({"family": family, "name": "x"})
    np.savez(path, bands_0=bands, bands_1=bands / 2, beats=BEATS, meta=meta)


def test_a_pack_holds_every_version_in_order(tmp_path) -> None:
    write_item(tmp_path / "a.npz", 400, "pop")
    write_item(tmp_path / "b.npz", 300, "folk")
    pack([tmp_path / "a.npz", tmp_path / "b.npz"], tmp_path / "pack")
    packed = Pack(tmp_path / "pack")
    assert [(e.first, e.n_frames, e.family, e.version) for e in packed.entries] == [
        (0, 400, "pop", 0),
        (400, 400, "pop", 1),
        (800, 300, "folk", 0),
        (1100, 300, "folk", 1),
    ]
    assert packed.hours() == pytest.approx(1400 / 180_000)
    with np.load(tmp_path / "b.npz") as item:
        assert np.array_equal(packed.bands[800:1100], item["bands_0"])


def test_no_usable_item_is_an_error(tmp_path) -> None:
    with pytest.raises(ValueError, match="no usable item"):
        pack([], tmp_path / "pack")


def test_crops_carry_the_frame_before_them_and_the_delay(tmp_path) -> None:
    write_item(tmp_path / "a.npz", 400, "pop")
    pack([tmp_path / "a.npz"], tmp_path / "pack")
    sampler = Sampler(Pack(tmp_path / "pack"), {}, delay_frames=2, seed=0)
    batch = sampler._read([(0, 100)], 50, 0.0)
    stored = sampler.pack.bands[99:150].astype(np.float32)
    assert np.allclose(batch.features[0, :, :136], stored[1:])
    assert np.allclose(batch.features[0, :, 136:], np.maximum(stored[1:] - stored[:-1], 0))
    assert np.allclose(batch.targets[0, 2:], sampler.pack.targets[100:148, :2])
    beginning = sampler.beginnings([0], 500)
    assert beginning.known[0, 402:].sum() == 0 and beginning.features[0, 0, 136:].sum() == 0


def test_weights_for_families_that_are_not_there_are_refused(tmp_path) -> None:
    write_item(tmp_path / "a.npz", 400, "pop")
    pack([tmp_path / "a.npz"], tmp_path / "pack")
    with pytest.raises(ValueError, match="polka"):
        Sampler(Pack(tmp_path / "pack"), {"polka": 1.0}, 0, 0)


def test_family_weights_are_their_shares(tmp_path) -> None:
    write_item(tmp_path / "a.npz", 400, "pop")
    write_item(tmp_path / "b.npz", 300, "folk")
    pack([tmp_path / "a.npz", tmp_path / "b.npz"], tmp_path / "pack")
    sampler = Sampler(Pack(tmp_path / "pack"), {"pop": 3.0, "folk": 1.0}, 0, 0)
    assert sampler.share.tolist() == pytest.approx([0.375, 0.375, 0.125, 0.125])
