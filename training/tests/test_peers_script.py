"""`tools/peers/run.py`: what is run, what is written, and what is said of what is missing."""

import importlib.util
import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import soundfile

SCRIPT = Path(__file__).resolve().parents[2] / "tools/peers/run.py"
RATE_HZ = 44_100


@pytest.fixture(scope="module")
def peers():
    spec = importlib.util.spec_from_file_location("peers_run", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["peers_run"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name, rate_hz, n_channels in (("a", RATE_HZ, 1), ("b", 22_050, 2)):
        samples = np.zeros((4 * rate_hz, n_channels), np.float32)
        samples[:: rate_hz // 2] = 0.5
        soundfile.write(folder / f"{name}.wav", samples, rate_hz)
        (folder / f"{name}.beats").write_text("0.5\t1\n1.0\t2\n")
    (folder / "without_reference.txt").touch()
    return folder


@pytest.fixture
def nothing_installed(monkeypatch, peers):
    for name in ("aubio", "madmom", "realtimeplp"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setenv("LIBAUBIO", "libno-such-library.so")


def test_what_is_missing_is_said_and_nothing_is_written_for_it(peers, corpus, tmp_path, nothing_installed, capsys):
    assert peers.main(["--corpus", str(corpus), "--out", str(tmp_path / "out")]) == 0
    summary = json.loads((tmp_path / "out/peers.json").read_text())
    assert summary["ran"] == []
    assert set(summary["missing"]) == {"aubio", "madmom-online", "real-time-plp"}
    assert "libno-such-library.so" in summary["missing"]["aubio"]
    assert "madmom-online: MISSING: madmom cannot be imported" in capsys.readouterr().err


def test_a_program_is_run_on_every_piece(peers, corpus, tmp_path, nothing_installed):
    program = tmp_path / "tracker.py"
    program.write_text(
        "import sys, soundfile\n"
        "x, rate = soundfile.read(sys.argv[1])\n"
        "print('a tracker'); print(1.0, 0.9, 1); print(2.0); print(x.ndim, rate, len(x) // rate)\n"
    )
    out = tmp_path / "out"
    command = f"mine={sys.executable} {program} {{wav}}"
    assert peers.main(["--corpus", str(corpus), "--out", str(out), "--peers", "", "--cmd", command]) == 0
    for name in ("a", "b"):
        rows = (out / f"mine/{name}.events.tsv").read_text().splitlines()
        assert rows == ["1.0000\t0.9000\t1", "2.0000\t2.0000\t0", f"1.0000\t{RATE_HZ}.0000\t4"], "mono, 44.1 kHz, four seconds"
    about = json.loads((out / "mine/peer.json").read_text())
    assert about["failed"] == {}
    assert about["cpu_per_audio"] > 0


def test_a_failure_is_that_piece_and_no_other(peers, corpus, tmp_path, capsys):
    out = tmp_path / "out"
    command = f"bad={sys.executable} -c 'raise SystemExit(3)'"
    assert peers.main(["--corpus", str(corpus), "--out", str(out), "--peers", "", "--cmd", command, "--only", "a"]) == 1
    assert (out / "bad/a.events.tsv").read_text() == ""
    assert not (out / "bad/b.events.tsv").exists()
    assert "bad: FAILED on a: RuntimeError" in capsys.readouterr().err


class FakeTempo:
    """Says a beat every tenth hop, as if it had fallen 10 ms before."""

    def __init__(self, method, window, hop, rate_hz):
        assert (method, window, hop, rate_hz) == ("default", 1024, 512, RATE_HZ)
        self.n_hops = 0

    def __call__(self, hop):
        assert hop.shape == (512,) and hop.dtype == np.float32
        self.n_hops += 1
        return [self.n_hops % 10 == 0]

    def get_last_s(self):
        return self.n_hops * 512 / RATE_HZ - 0.01


def test_aubio_announces_at_the_end_of_the_hop(peers, monkeypatch):
    monkeypatch.setitem(sys.modules, "aubio", types.SimpleNamespace(tempo=FakeTempo, version="9.9"))
    peer = peers.load_aubio()
    beats = peer.track(np.zeros(RATE_HZ, np.float32))
    assert (peer.version, len(beats)) == ("9.9", 8)
    assert abs(beats[0].announce_sec - 10 * 512 / RATE_HZ) < 1e-9
    assert abs(beats[0].announce_sec - beats[0].time_sec - 0.01) < 1e-9


def test_the_other_trackers_are_called_as_their_interfaces_ask(peers, monkeypatch):
    class Decoder:
        def __init__(self, online, fps):
            assert online and fps == 100

        def process_online(self, activations):
            return activations

    def network(**options):
        assert options == {"online": True, "origin": "online", "fps": 100, "num_threads": 1}
        return lambda signal: [1.0, 1.5]

    modules = {
        "madmom": types.SimpleNamespace(__version__="0.17"),
        "madmom.features.beats": types.SimpleNamespace(RNNBeatProcessor=network, DBNBeatTrackingProcessor=Decoder),
        "madmom.audio.signal": types.SimpleNamespace(Signal=lambda samples, sample_rate: samples),
    }

    class Plp:
        @classmethod
        def from_args(cls, **options):
            assert options["lookahead"] == 0
            return cls()

        def process(self, hop):
            return len(hop) == 512

    modules["realtimeplp"] = types.SimpleNamespace(RealTimeBeatTracker=Plp)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    beats = peers.load_madmom_online().track(np.zeros(RATE_HZ, np.float32))
    assert [beat.time_sec for beat in beats] == [1.0, 1.5]
    assert len(peers.load_real_time_plp().track(np.zeros(1100, np.float32))) == 2


def test_a_manifest_says_which_files_there_are(peers, corpus):
    (corpus / "manifest.json").write_text(json.dumps({"format": 1, "pieces": [{"id": "x", "audio": "b.wav"}]}))
    assert peers.find_audio(corpus) == [corpus / "b.wav"]
    with pytest.raises(ValueError, match="no audio with a reference whose name has 'nothing'"):
        peers.find_audio(corpus, "nothing")


def test_a_corpus_of_nothing_and_a_bad_command_are_refused(peers, tmp_path, capsys):
    assert peers.main(["--corpus", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    with pytest.raises(SystemExit):
        peers.main(["--corpus", str(tmp_path), "--out", "x", "--cmd", "nothing"])
    with pytest.raises(SystemExit):
        peers.main(["--corpus", str(tmp_path), "--out", "x", "--peers", "none"])
    assert "expected NAME=COMMAND" in capsys.readouterr().err
