"""The check that Sealcap has not become slower beside MediaPipe: when it fails, and when it cannot tell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import regression
from benchmarks.regression import BASELINE, FEWEST, decide, judge, quiet, ratios, write_baseline
from benchmarks.vs_mediapipe import FP32, Pass, Speed
from benchmarks.vs_mediapipe_home import PeerMissingError

ROWS = [row for pair in FP32 for row in pair.rows]


def one_round(ours: float = 1.0, fps: float = 1.0, others: float = 0.02) -> dict[str, Pass]:
    """MediaPipe with 20 frames/s and 40 ms; ours twice that, times `ours`, and frames/s times `fps`."""
    theirs = {"frames": 100, "seconds": 5.0, "cpu_seconds": 4.0, "others": others}
    own = theirs | {"seconds": 2.5 / (ours * fps), "cpu_seconds": 2.0 / ours}
    return {row: own if row.startswith("Sealcap") else theirs for row in ROWS}


def speed(*rounds: dict[str, Pass]) -> Speed:
    return Speed(list(rounds), FP32, 100, "clip.mp4")


@pytest.fixture
def baseline(tmp_path: Path) -> Path:
    """Twice as fast as MediaPipe in everything."""
    path = tmp_path / "baseline.json"
    write_baseline(speed(*[one_round()] * 5), path)
    return path


@pytest.mark.parametrize(("ours", "code"), [(1.3, 0), (1.0, 0), (0.86, 0), (0.84, 1), (0.5, 1)])
def test_more_than_fifteen_percent_fails(
    baseline: Path, capsys: pytest.CaptureFixture[str], ours: float, code: int
) -> None:
    """Less is forgiven; the message names what became slower, and what to do if it was meant."""
    assert decide(speed(*[one_round(ours)] * 5), path=baseline) == code
    said = capsys.readouterr().out
    assert ("Slower by more than 15 %: Sealcap quality-fp32 / MediaPipe heavy" in said) == bool(code)
    assert ("--write" in said) == bool(code)


def test_waiting_is_seen_although_it_takes_no_processor_time(baseline: Path) -> None:
    """A stage that sleeps lowers the frame rate only, which fails as well."""
    assert decide(speed(*[one_round(fps=0.8)] * 5), path=baseline) == 1


def test_two_wild_rounds_of_five_do_not_matter(baseline: Path) -> None:
    """The median decides."""
    assert decide(speed(one_round(0.3), one_round(9), *[one_round()] * 3), path=baseline) == 0


def test_a_machine_three_times_slower_holds(baseline: Path) -> None:
    """Both sides are slower by the same."""
    slow = {
        row: p | {"seconds": 3 * p["seconds"], "cpu_seconds": 3 * p["cpu_seconds"]}
        for row, p in one_round().items()
    }
    assert decide(speed(*[slow] * 5), path=baseline) == 0


def test_busy_rounds_do_not_count(baseline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three quiet ones decide; with two it says that it cannot, and does not fail."""
    busy = [one_round(0.3, others=0.4)] * 4
    assert decide(speed(*busy, *[one_round()] * FEWEST), path=baseline) == 0
    assert "Not decided" not in capsys.readouterr().out
    assert decide(speed(*busy, *[one_round(0.3)] * (FEWEST - 1)), path=baseline) == 0
    assert "Not decided: other programs took more than 10 %" in capsys.readouterr().out
    assert len(quiet(speed(*busy, one_round())).rounds) == 1


def test_frames_per_second_are_judged_on_as_many_cores_only(baseline: Path) -> None:
    """Processor time is judged everywhere."""
    kept = json.loads(baseline.read_text())
    half = ratios(speed(*[one_round(0.5)] * 5))
    verdicts = {row[0]: row[-1] for row in judge(half, kept, kept["cores"] + 6)}
    for name, verdict in verdicts.items():
        assert verdict == "slower" if name.endswith("processor time") else verdict.startswith("not judged")


def test_rounds_go_on_until_five_were_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Busy ones are repeated; no round begins for which there is no time."""
    planned = iter([one_round(others=0.5), *[one_round()] * 9])
    monkeypatch.setattr(regression, "measure", lambda *_, **__: speed(next(planned)))
    assert len(regression.collect(Path("python"), Path("clip.mp4")).rounds) == 6
    assert regression.collect(Path("python"), Path("clip.mp4"), seconds=-1.0).rounds == []


def test_without_mediapipe_nothing_is_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says why, and does not fail: no network is no regression."""

    def missing() -> Path:
        raise PeerMissingError("There is no network.")

    monkeypatch.setattr(regression, "peer_python", missing)
    assert regression.main([]) == 0
    assert "not compared. There is no network." in capsys.readouterr().out


def test_the_committed_baseline_is_of_the_pairs_that_are_measured() -> None:
    """A pair that is renamed needs a new baseline."""
    kept = json.loads(BASELINE.read_text(encoding="utf-8"))
    assert kept["ratios"].keys() == ratios(speed(one_round())).keys()
    assert all(judge(kept["ratios"], kept, kept["cores"]))
