"""Write one small click per audio format, and MANIFEST.json.

Needs `ffmpeg` and `lame` on the path; not run by the tests, which read the committed files.
A click is a decaying 1 kHz burst that starts on an exact sample, so that its onset can be found to a fraction of a
millisecond after any codec.

    python generate.py
"""

import hashlib
import json
import math
import struct
import subprocess
import tempfile
import wave
from pathlib import Path

HERE = Path(__file__).resolve().parent
RATE_HZ = 44_100
SECONDS = 0.8
CLICKS_SEC = (0.25, 0.5)
BURST_HZ = 1_000.0
DECAY_SEC = 0.004

# name: (what reads it, arguments after the input, how far priming may leave the click, ms)
FFMPEG = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", "-i"]
BITEXACT = ["-bitexact", "-map_metadata", "-1"]
FORMATS = {
    "click.flac": (["-c:a", "flac", *BITEXACT], 1.0, "lossless"),
    "click.ogg": (["-ac", "2", "-c:a", "libvorbis", "-q:a", "3", "-page_duration", "100000", *BITEXACT], 1.0, "the page granules say what to drop"),
    "click.m4a": (["-c:a", "aac", "-b:a", "48k", *BITEXACT], 1.0, "the edit list says what to drop"),
    "click-alac.m4a": (["-c:a", "alac", *BITEXACT], 1.0, "lossless"),
    "click.mkv": (["-ac", "2", "-c:a", "libvorbis", "-q:a", "3", *BITEXACT], 1.0, "vorbis in matroska"),
    "click-8k.aiff": (["-ar", "8000", *BITEXACT], 1.0, "lossless, resampled to 8 kHz to stay small"),
    "click.aac": (["-c:a", "aac", "-b:a", "48k", "-f", "adts", *BITEXACT], 24.3, "ADTS has no delay field: 1024 samples of encoder priming stay, 23.2 ms late"),
    "click-opus.ogg": (["-c:a", "libopus", "-b:a", "32k", *BITEXACT], None, "no decoder: must be refused by name"),
}


def write_wav(path: Path) -> None:
    """Write the clicks as 16-bit mono."""
    samples = [0.0] * int(RATE_HZ * SECONDS)
    for start_sec in CLICKS_SEC:
        start = round(start_sec * RATE_HZ)
        for n in range(int(0.02 * RATE_HZ)):
            t = n / RATE_HZ
            samples[start + n] += 0.8 * math.cos(2 * math.pi * BURST_HZ * t) * math.exp(-t / DECAY_SEC)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(b"".join(struct.pack("<h", round(32_767 * s)) for s in samples))


def version(*command: str) -> str:
    """First line of a tool's version output."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return (done.stdout or done.stderr).splitlines()[0].strip()


def main() -> None:
    """Write every file and the manifest."""
    files = {}
    with tempfile.TemporaryDirectory() as scratch:
        wav = Path(scratch) / "click.wav"
        write_wav(wav)
        for name, (arguments, tolerance_ms, note) in FORMATS.items():
            subprocess.run([*FFMPEG, str(wav), *arguments, str(HERE / name)], check=True)
            files[name] = {"tolerance_ms": tolerance_ms, "note": note, "command": " ".join(["ffmpeg -i click.wav", *arguments, name])}
        lame = ["lame", "--quiet", "-m", "m", "-b", "64"]
        subprocess.run([*lame, "--add-id3v2", "--tt", "Click", str(wav), str(HERE / "click.mp3")], check=True)
        files["click.mp3"] = {
            "tolerance_ms": 1.0,
            "note": "ID3v2 tag in front; the LAME tag says what to drop",
            "command": "lame -m m -b 64 --add-id3v2 --tt Click click.wav click.mp3",
        }
        subprocess.run([*lame, "-t", str(wav), str(HERE / "click-untagged.mp3")], check=True)
        files["click-untagged.mp3"] = {
            "tolerance_ms": 26.1,
            "note": "no LAME tag: 1105 samples of encoder and decoder delay stay, 25.1 ms late",
            "command": "lame -m m -b 64 -t click.wav click-untagged.mp3",
        }
        video = [*FFMPEG[:-1], "-f", "lavfi", "-i", "color=black:s=16x16:d=0.2", "-c:v", "mpeg4", *BITEXACT]
        subprocess.run([*video, str(HERE / "video-only.mp4")], check=True)
        files["video-only.mp4"] = {
            "tolerance_ms": None,
            "note": "no audio track: must be refused by name",
            "command": "ffmpeg -f lavfi -i color=black:s=16x16:d=0.2 -c:v mpeg4 video-only.mp4",
        }
    for name, entry in files.items():
        entry["sha256"] = hashlib.sha256((HERE / name).read_bytes()).hexdigest()
    manifest = {
        "generator": "tests/golden/formats/generate.py",
        "tools": [version("ffmpeg", "-version"), version("lame", "--version")],
        "clicks_sec": CLICKS_SEC,
        "duration_sec": SECONDS,
        "licence": "ours: MIT OR Apache-2.0",
        "files": dict(sorted(files.items())),
    }
    (HERE / "MANIFEST.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
