"""Lossy coding through the ffmpeg program, with the coder's delay taken out again.

Coders prepend priming samples and containers do not always say how many; the delay is therefore found by
cross-correlation with the input, to the sample, so that no truth moves.
"""

from __future__ import annotations

import dataclasses
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import scipy.signal

_MOST_DELAY_SEC = 0.2
_CORRELATED_SEC = 30.0


@dataclasses.dataclass(frozen=True, slots=True)
class Codec:
    """A coder: name for people, ffmpeg's encoder, file ending, and bit rates to draw from (kbit/s)."""

    name: str
    encoder: str
    suffix: str
    rates_kbps: tuple[int, ...]


CODECS = (
    Codec("mp3", "libmp3lame", ".mp3", (32, 40, 48, 64, 96, 128)),
    Codec("opus", "libopus", ".ogg", (12, 16, 24, 32, 64)),
    Codec("vorbis", "libvorbis", ".ogg", (32, 48, 64)),
    Codec("aac", "aac", ".m4a", (24, 32, 48, 64)),
)


class CodecError(RuntimeError):
    """ffmpeg is missing, failed or ran out of time."""


def through_codec(
    samples: np.ndarray, rate_hz: int, codec: Codec, rate_kbps: int, timeout_sec: float = 60.0
) -> np.ndarray:
    """Code and decode samples.

    Parameters
    ----------
    samples
        Float `[n_samples]`, within full scale.
    rate_hz
        Sample rate.
    codec
        One of `CODECS`.
    rate_kbps
        Bit rate.
    timeout_sec
        How long ffmpeg may take, for each direction.

    Returns
    -------
    np.ndarray
        Decoded samples, float32 `[n_samples]`, aligned with the input.

    Raises
    ------
    CodecError
        If ffmpeg is missing, fails or runs out of time.
    """
    if len(samples) == 0 or not np.any(samples):
        return samples.astype(np.float32)
    with tempfile.TemporaryDirectory(prefix="anacrusis_codec_") as folder:
        coded = Path(folder, "coded" + codec.suffix)
        raw = ["-f", "f32le", "-ar", str(rate_hz), "-ac", "1"]
        # NB: libvorbis refuses bit rates outside a range that depends on the sample rate; its quality scale has none.
        setting = ["-q:a", str(round(rate_kbps / 16 - 3))] if codec.name == "vorbis" else ["-b:a", f"{rate_kbps}k"]
        encode = [*raw, "-i", "pipe:0", "-c:a", codec.encoder, *setting, str(coded)]
        _run_ffmpeg(encode, samples.astype("<f4").tobytes(), timeout_sec)
        decoded = np.frombuffer(_run_ffmpeg(["-i", str(coded), *raw, "pipe:1"], b"", timeout_sec), "<f4")
    delay = find_delay(samples, decoded, rate_hz)
    out = np.zeros(len(samples), np.float32)
    source = decoded[max(delay, 0) :]
    start = max(-delay, 0)
    n_copied = min(len(source), len(out) - start)
    out[start : start + n_copied] = source[:n_copied]
    return out


def find_delay(samples: np.ndarray, delayed: np.ndarray, rate_hz: int) -> int:
    """Samples by which `delayed` lags `samples`: the peak of their cross-correlation within 0.2 s either way.

    The loudest half minute is compared; 0 where nothing can be.
    """
    most = round(_MOST_DELAY_SEC * rate_hz)
    length = min(len(samples), round(_CORRELATED_SEC * rate_hz))
    energy = np.concatenate(([0.0], np.cumsum(np.square(samples, dtype=np.float64))))
    start = int(np.argmax(energy[length:] - energy[: len(energy) - length]))
    first, second = samples[start : start + length], np.zeros(length + 2 * most, np.float64)
    low, high = start - most, start + length + most
    piece = delayed[max(low, 0) : max(high, 0)]
    at = max(-low, 0)
    second[at : at + len(piece)] = piece
    if not np.any(first) or not np.any(second):
        return 0
    correlation = scipy.signal.correlate(second, first.astype(np.float64), mode="valid", method="fft")
    return int(np.argmax(correlation)) - most


def _run_ffmpeg(arguments: list[str], data: bytes, timeout_sec: float) -> bytes:
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *arguments]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=timeout_sec, check=False)
    except FileNotFoundError as error:
        raise CodecError("the program ffmpeg is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise CodecError(f"ffmpeg took longer than {timeout_sec} s: {' '.join(arguments)}") from error
    if done.returncode != 0:
        message = done.stderr.decode(errors="replace").strip()[-500:]
        raise CodecError(f"ffmpeg ended with status {done.returncode}: {message}")
    return done.stdout
