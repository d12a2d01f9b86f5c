"""Each augmentation keeps the length of the sound and the time of what it holds."""

from collections.abc import Callable

import numpy as np
import pytest

from anacrusis_training.augment import augment, codec, dynamics, filters, noise, room, tape

RATE_HZ = 22_050
N_SAMPLES = 4 * RATE_HZ
CLICKS_SEC = (0.5, 1.1, 1.7, 2.9, 3.5)
TIMING_TOLERANCE_SEC = 0.002


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def _clicks() -> np.ndarray:
    """Short bursts at `CLICKS_SEC` over silence, float32 `[N_SAMPLES]`."""
    out = np.zeros(N_SAMPLES, np.float32)
    length = int(0.05 * RATE_HZ)
    burst = _rng(7).standard_normal(length) * np.exp(-np.arange(length) / (0.008 * RATE_HZ))
    for at in CLICKS_SEC:
        start = round(at * RATE_HZ)
        out[start : start + length] += 0.2 * burst.astype(np.float32)
    return out


def _attack_sec(samples: np.ndarray, near_sec: float) -> float:
    """Time of the steepest rise of energy near a time: the jump of the level over half a millisecond, squared."""
    low = round((near_sec - 0.02) * RATE_HZ)
    level = np.convolve(np.square(samples[low : low + int(0.04 * RATE_HZ)], dtype=np.float64), np.ones(11), "full")
    rise = level[11:] - level[:-11]
    return (low + int(np.argmax(rise))) / RATE_HZ


EFFECTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "tilt up": lambda x: filters.tilt(x, RATE_HZ, 800.0, 12.0),
    "tilt down": lambda x: filters.tilt(x, RATE_HZ, 800.0, -12.0),
    "parametric": lambda x: filters.parametric(x, RATE_HZ, 2000.0, 9.0, 1.5),
    "high-pass": lambda x: filters.high_pass(x, RATE_HZ, 400.0),
    "low-pass": lambda x: filters.low_pass(x, RATE_HZ, 2200.0),
    "phone": lambda x: filters.band_limit(x, RATE_HZ, 400.0, 3000.0),
    "saturation": lambda x: dynamics.saturate(x, 6.0, 0.3),
    "clipping": lambda x: dynamics.clip(x, 0.3),
    "compression": lambda x: dynamics.compress(x, RATE_HZ, -30.0, 7.5, 0.001, 0.4),
    "level": lambda x: dynamics.set_level(x, -24.0),
    "comb": lambda x: tape.comb(x, RATE_HZ, 0.012, -0.7),
    "wow": lambda x: tape.wow_flutter(_rng(), x, RATE_HZ, 0.001),
    "dry room": lambda x: room.reverberate(x, room.impulse_response(_rng(), RATE_HZ, 0.2, 0.1)),
    "wet room": lambda x: room.reverberate(x, room.impulse_response(_rng(), RATE_HZ, 1.2, 0.6)),
} | {
    kind: lambda x, kind=kind: noise.add_noise(x, noise.make_noise(_rng(), kind, len(x), RATE_HZ), 20.0)
    for kind in noise.KINDS
}


@pytest.mark.parametrize("name", EFFECTS)
def test_effects_keep_length_and_time(name: str) -> None:
    clicks = _clicks()
    changed = EFFECTS[name](clicks)
    assert changed.shape == clicks.shape
    assert changed.dtype == np.float32
    assert np.all(np.isfinite(changed))
    assert not np.array_equal(changed, clicks)
    for at in CLICKS_SEC:
        assert abs(_attack_sec(changed, at) - _attack_sec(clicks, at)) < TIMING_TOLERANCE_SEC


@pytest.mark.parametrize("name", EFFECTS)
def test_effects_take_silence_and_nothing(name: str) -> None:
    assert EFFECTS[name](np.zeros(0, np.float32)).shape == (0,)
    silent = EFFECTS[name](np.zeros(1000, np.float32))
    assert np.max(np.abs(silent)) < 1e-6


@pytest.mark.parametrize("chosen", codec.CODECS, ids=lambda chosen: chosen.name)
def test_codecs_keep_time_to_the_millisecond(chosen: codec.Codec) -> None:
    clicks = _clicks() + 0.01 * noise.make_noise(_rng(), "pink", N_SAMPLES, RATE_HZ)
    for rate_kbps in (min(chosen.rates_kbps), max(chosen.rates_kbps)):
        coded = codec.through_codec(clicks, RATE_HZ, chosen, rate_kbps)
        assert coded.shape == clicks.shape
        assert np.all(np.isfinite(coded))
        assert codec.find_delay(clicks, coded, RATE_HZ) == 0
        for at in CLICKS_SEC:
            assert abs(_attack_sec(coded, at) - _attack_sec(clicks, at)) < TIMING_TOLERANCE_SEC
        assert np.corrcoef(coded, clicks)[0, 1] > 0.5


def test_delay_is_found_either_way() -> None:
    sound = noise.make_noise(_rng(), "pink", N_SAMPLES, RATE_HZ)
    assert codec.find_delay(sound, np.concatenate([np.zeros(1105, np.float32), sound]), RATE_HZ) == 1105
    assert codec.find_delay(sound, sound[300:], RATE_HZ) == -300
    assert codec.find_delay(sound, np.zeros(0, np.float32), RATE_HZ) == 0


def test_codecs_pass_silence_and_name_failures() -> None:
    assert codec.through_codec(np.zeros(0, np.float32), RATE_HZ, codec.CODECS[0], 64).shape == (0,)
    broken = codec.Codec("broken", "no_such_encoder", ".mp3", (64,))
    with pytest.raises(codec.CodecError, match="no_such_encoder"):
        codec.through_codec(_clicks(), RATE_HZ, broken, 64)


def test_a_room_begins_with_the_direct_sound_and_dies_in_time() -> None:
    response = room.impulse_response(_rng(), RATE_HZ, 0.5, 0.3)
    assert response[0] == 1.0
    assert np.max(np.abs(response[1:])) < 1.0
    assert np.all(response[1 : int(0.002 * RATE_HZ)] ** 2 < 1e-3)
    assert np.sum(response[1:] ** 2) == pytest.approx(0.3, rel=1e-3)
    assert np.max(np.abs(response[int(0.45 * RATE_HZ) :])) < 0.01


def test_noise_has_the_colour_and_level_it_should() -> None:
    for kind in noise.KINDS:
        sample = noise.make_noise(_rng(), kind, N_SAMPLES, RATE_HZ)
        assert np.mean(np.square(sample, dtype=np.float64)) == pytest.approx(1.0, rel=1e-3)
    pink = np.abs(np.fft.rfft(noise.make_noise(_rng(), "pink", N_SAMPLES, RATE_HZ))) ** 2
    hz = np.fft.rfftfreq(N_SAMPLES, 1 / RATE_HZ)
    octaves = [pink[(hz >= low) & (hz < 2 * low)].sum() for low in (100, 200, 400, 800, 1600, 3200)]
    assert max(octaves) / min(octaves) < 2.5
    sound = noise.make_noise(_rng(1), "white", N_SAMPLES, RATE_HZ)
    added = noise.add_noise(sound, noise.make_noise(_rng(2), "white", N_SAMPLES, RATE_HZ), 12.0) - sound
    assert 10 * np.log10(np.mean(sound**2) / np.mean(added**2)) == pytest.approx(12.0, abs=0.01)


def test_compression_lowers_what_is_loud_and_leaves_what_is_soft() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(N_SAMPLES) / RATE_HZ).astype(np.float32)
    tone[: N_SAMPLES // 2] *= 0.05
    squeezed = dynamics.compress(tone, RATE_HZ, -20.0, 4.0, 0.005, 0.1)
    assert np.max(np.abs(squeezed[: N_SAMPLES // 2])) == pytest.approx(0.05, rel=0.01)
    assert 20 * np.log10(np.max(np.abs(squeezed[-RATE_HZ:]))) == pytest.approx(-15.0, abs=0.5)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: dynamics.saturate(x, 0.0),
        lambda x: dynamics.clip(x, 1.5),
        lambda x: dynamics.compress(x, RATE_HZ, -20.0, 0.5, 0.01, 0.1),
        lambda x: dynamics.set_level(x, 3.0),
        lambda x: filters.low_pass(x, RATE_HZ, 0.0),
        lambda x: filters.parametric(x, RATE_HZ, 1000.0, 3.0, 0.0),
        lambda x: filters.band_limit(x, RATE_HZ, 3000.0, 300.0),
        lambda x: noise.add_noise(x, x[1:], 10.0),
        lambda x: noise.make_noise(_rng(), "violet", 10, RATE_HZ),
        lambda x: tape.comb(x, RATE_HZ, 0.01, 1.0),
        lambda x: tape.wow_flutter(_rng(), x, RATE_HZ, 0.01),
        lambda x: room.impulse_response(_rng(), RATE_HZ, 0.0, 0.1),
        lambda x: augment(_rng(), x, RATE_HZ, 1.1),
        lambda x: augment(_rng(), x[None], RATE_HZ, 0.5),
    ],
)
def test_bad_values_are_refused(call: Callable[[np.ndarray], object]) -> None:
    with pytest.raises(ValueError, match="not|but"):
        call(_clicks())


def test_strength_zero_changes_nothing() -> None:
    clicks = _clicks()
    same, applied = augment(_rng(), clicks, RATE_HZ, 0.0)
    assert np.array_equal(same, clicks)
    assert applied == []


def test_the_chain_is_a_function_of_its_generator_and_keeps_time() -> None:
    clicks = _clicks()
    seen: set[str] = set()
    for seed in range(24):
        changed, applied = augment(_rng(seed), clicks, RATE_HZ, 1.0)
        again, _ = augment(_rng(seed), clicks, RATE_HZ, 1.0)
        seen.update(name.split()[0] for name in applied)
        assert np.array_equal(changed, again)
        assert changed.shape == clicks.shape
        assert np.max(np.abs(changed)) <= dynamics.PEAK + 1e-6
        if not any("noise" in name for name in applied):
            # Each effect is within its own tolerance; a chain of them may add up.
            errors_sec = [abs(_attack_sec(changed, at) - _attack_sec(clicks, at)) for at in CLICKS_SEC]
            assert np.median(errors_sec) < 2 * TIMING_TOLERANCE_SEC, applied
    assert len(seen) > 12
