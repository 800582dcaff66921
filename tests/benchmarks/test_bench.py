"""`make bench`: what is measured is real, and what was measured is what stands in the pages."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import bench, live, vs_mediapipe_home
from benchmarks.accuracy import BY_GROUP, OVERALL, VARIANTS, Accuracy, predict_theirs, told_pitch
from benchmarks.bench_people import People, picture
from benchmarks.bench_startup import Startup, theirs_s
from benchmarks.live import Latency
from benchmarks.outputs import Cost, Outputs, single, together
from benchmarks.sealcap_worker import Tiles
from benchmarks.vs_mediapipe import FP32, PAIRS, STAGES, Pass, Speed, run_pass
from benchmarks.vs_mediapipe_home import PeerMissingError, fitting_python, peer_python
from realtime.detectors import Estimate, Region
from realtime.models import store
from realtime.timing import STAGES as ALL_STAGES
from realtime.timing import Summary

ROWS = [row for pair in (*PAIRS, *FP32) for row in pair.rows]


def a_pass(fps: float, cpu_ms: float) -> Pass:
    stages = dict.fromkeys(STAGES, (1.0, 2.0))
    seen = {"frames": 100, "found": 99, "people": 1.0, "peak_mib": 300.0, "others": 0.01}
    return seen | {"seconds": 100 / fps, "cpu_seconds": 0.1 * cpu_ms, "stage_ms": stages}


def speed(rounds: int = 3, ours: float = 1.0) -> Speed:
    """MediaPipe with 20 frames/s and 40 ms; ours with 40 and 20, times and by `ours`."""
    fast, slow = a_pass(40 * ours, 20 / ours), a_pass(20, 40)
    one = {row: fast if row.startswith("Sealcap") else slow for row in ROWS}
    return Speed([one] * rounds, (*PAIRS, *FP32), 100, "clip.mp4")


def everything() -> dict[str, bench.Found]:
    """Results of every part, made up."""
    summary = Summary("x", 60.0, 100, 0, 3, 0, 97, 97, dict.fromkeys(ALL_STAGES, (7.1, 8.2, 9.3)), ())
    costs = {name: [Cost(np.full(9, 0.1), 0.02, 9, 0)] * 2 for name in (*ALONE, *together(ALONE))}
    scores = {
        name: {"overall": dict.fromkeys(KEYS, 12.3), "groups": {"lab": dict.fromkeys(KEYS, 45.6)}}
        for name in VARIANTS
    }
    return {
        "speed": speed(),
        "latency": Latency({30.0: summary, 60.0: summary}, "live", (1280, 720)),
        "people": People([{str(n): a_pass(30 / n, 30 * n) for n in (1, 2, 3, 4)}], "live", (640, 480)),
        "outputs": Outputs(costs, 60.0),
        "start": Startup({row: [1.5, 1.25, 2.5] for row in ROWS}),
        "accuracy": Accuracy(scores, ["lab_c2"]),
    }


ALONE = single([1, 2, 3, 4])
KEYS = {measure.key for measure in (*OVERALL, *BY_GROUP)}


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A copy of the two pages."""
    for name in ("performance.md", "accuracy.md"):
        shutil.copy(bench.DOCS / name, tmp_path)
    return tmp_path


def prose(page: Path) -> str:
    """What stands outside the markers."""
    return re.sub(r"(<!-- (bench.*?): begin -->).*?(<!-- \2: end -->)", r"\1\3", page.read_text(), flags=re.S)


def test_a_whole_run_fills_both_pages_and_leaves_the_prose(docs: Path) -> None:
    """Every number is new, the prose is as it was, and both pictures are there."""
    before = {page.name: prose(page) for page in docs.glob("*.md")}
    bench.write(docs, everything(), "Measured today.")
    for page in docs.glob("*.md"):
        assert prose(page) == before[page.name]
        inside = re.findall(r"<!-- bench.*?: begin -->(.*?)<!-- bench.*?: end -->", page.read_text(), re.S)
        assert all("2026-11-21" not in text for text in inside)
        assert page.read_text().count("Measured today.") == 1
    performance, accuracy = ((docs / f"{name}.md").read_text() for name in ("performance", "accuracy"))
    for cell in (
        "| Sealcap quality | 40.0 | 0.0200 | 300 | 99 % |",
        "7.1 / 8.2 / 9.3",
        "3 of 100",
        "| 1.50 |",
    ):
        assert cell in performance
    assert "× 2.00 (2.00–2.00) | × 0.50 (0.50–0.50)" in performance
    assert "| MPJPE, mm | 12.3 |" in accuracy
    assert "| lab | MediaPipe heavy | 45.6 |" in accuracy
    for name in ("performance", "accuracy"):
        assert (docs / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_a_single_part_changes_only_itself_and_says_when(docs: Path) -> None:
    """The rest of the page, its stamp and the picture stay; accuracy.md is not touched."""
    old, scores = (docs / "performance.md").read_text(), (docs / "accuracy.md").read_text()
    bench.write(docs, {"start": everything()["start"]}, "Measured today.")
    new = (docs / "performance.md").read_text()
    before, _, rest = old.partition("<!-- bench start: begin -->")
    assert new.startswith(before + "<!-- bench start: begin -->\nMeasured today.\n")
    assert new.endswith(rest.partition("<!-- bench start: end -->")[2])
    assert (docs / "accuracy.md").read_text() == scores
    assert not (docs / "performance.png").exists()


def test_a_trial_cannot_get_into_the_pages(capsys: pytest.CaptureFixture[str]) -> None:
    """--quick --write needs another folder."""
    with pytest.raises(SystemExit):
        bench.parse(["--quick", "--write"])
    assert "--docs" in capsys.readouterr().err


def test_a_wrong_folder_is_refused_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a scorer there would be no accuracy after twenty minutes."""
    assert bench.main(["--data", str(tmp_path)]) == 2
    assert "has no score.py" in capsys.readouterr().err


def test_ratios_are_ours_to_theirs_of_the_same_round() -> None:
    """A machine that is three times slower in one round changes no ratio."""
    even = speed(1).rounds[0]
    slow = {
        row: p | {"seconds": 3 * p["seconds"], "cpu_seconds": 3 * p["cpu_seconds"]} for row, p in even.items()
    }
    for ratio in Speed([even, slow], PAIRS, 100, "clip.mp4").ratios:
        assert ratio.fps == pytest.approx([2, 2])
        assert ratio.cpu == pytest.approx([0.5, 0.5])


def test_outputs_grow_one_by_one() -> None:
    """Nothing, the first, then ever more of them, in the order of the table."""
    costs = {
        name: [Cost(np.zeros(3), core, 3, 0)] * 2 for core, name in enumerate((*ALONE, *together(ALONE)))
    }
    assert list(Outputs(costs, 60.0).growth().items()) == [(0, 0), (1, 1), (2, 6), (3, 7), (4, 8), (5, 9)]
    assert together(ALONE)["5: VMC to recording"].keys() >= {"vmc", "vrchat", "osc", "zmq", "record"}


class Anybody:
    """A detector that finds nobody and counts its searches."""

    name, finds_all = "anybody", True

    def __init__(self) -> None:
        self.searches = 0

    def search(self, _image: np.ndarray) -> list[Region]:
        self.searches += 1
        return []

    def estimate(self, _image: np.ndarray, _region: Region) -> Estimate:
        raise AssertionError("nobody was looked at")


@pytest.mark.parametrize("people", [1, 2, 3, 4])
def test_a_mosaic_shows_as_many_people_as_said_and_the_search_knows_where(people: int) -> None:
    """One tile for each, the rest black; one region in each of these tiles; the real search has run."""
    tiles = [np.full((40, 30, 3), 50 * (n + 1), np.uint8) for n in range(people)]
    mosaic, detector = picture(tiles), Anybody()
    assert mosaic.shape == (80, 60, 3)
    assert sorted(np.unique(mosaic)) == [0] * (people < 4) + [50 * (n + 1) for n in range(people)]
    regions = Tiles(detector, people).search(mosaic)
    assert [mosaic[int(r.cy), int(r.cx), 0] for r in regions] == [50 * (n + 1) for n in range(people)]
    assert detector.searches == 1


def test_a_told_pitch_is_that_of_the_people_who_stand(tmp_path: Path) -> None:
    """Somebody upright before a camera that looks 10° down; nothing is told where there are no legs."""
    names = [f"{side}_{part}" for part in ("ankle", "shoulder") for side in ("left", "right")]
    upright = np.array([[0.2, 1.4, 0], [-0.2, 1.4, 0], [0.2, 0, 0], [-0.2, 0, 0]])  # y down
    angle = np.radians(10)
    tilt = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    for name, kept in (("lab", slice(None)), ("desk", slice(2, None))):
        joints = np.repeat((upright @ tilt)[None, kept], 5, axis=0)
        valid = np.ones(joints.shape[:2], bool)
        np.savez(tmp_path / f"{name}.npz", joint_names=names[kept], joints_cam=joints, valid=valid)
    assert told_pitch(tmp_path / "lab.npz")[0] == "--camera-pitch"
    assert abs(float(told_pitch(tmp_path / "lab.npz")[1])) == pytest.approx(10)
    assert told_pitch(tmp_path / "desk.npz") == []


def test_a_python_that_mediapipe_has_no_wheel_for_is_replaced_or_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """3.11 serves itself; 3.14 takes another, and without one says so."""
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}" if name == "python3.11" else None)
    assert fitting_python((3, 11)) == vs_mediapipe_home.sys.executable
    assert fitting_python((3, 14)) == "/bin/python3.11"
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(PeerMissingError, match=r"no wheel for Python 3\.14"):
        fitting_python((3, 14))


@pytest.mark.real
def test_latency_is_of_a_real_stream() -> None:
    """A second of a real camera on this machine: poses came, and every frame is accounted for."""
    if not store.is_pulled(store.CLIP):
        pytest.skip(
            "the demo clip is not here: sealcap models pull demo-clip blazepose-full blazepose-search"
        )
    found = live.measure(store.clip_path(), [30.0], seconds=1.5, config="fast")
    (summary,) = found.runs.values()
    assert summary.published > 0
    assert summary.accounted
    assert found.size == (1280, 720)


@pytest.fixture(scope="module")
def peer() -> Path:
    """MediaPipe's Python; skips where it cannot be made."""
    if not store.is_pulled(store.CLIP):
        pytest.skip("the demo clip is not here: sealcap models pull demo-clip")
    try:
        return peer_python()
    except PeerMissingError as error:
        pytest.skip(str(error))


@pytest.mark.real
def test_mediapipe_is_really_run(peer: Path, tmp_path: Path) -> None:
    """A timed pass counts frames and seconds; its poses are upright people in the scorer's form."""
    clip, out = store.clip_path(), tmp_path / "poses.npz"
    one = run_pass(peer, "mediapipe_worker", "speed", clip, 1, 5)
    assert one["frames"] == one["found"] == 5
    assert 0 < one["seconds"] < 60
    assert 0 <= one["others"] <= 1
    assert theirs_s(peer, clip, "full") > 0.1
    short = tmp_path / "short.avi"
    capture = cv2.VideoCapture(str(clip))
    film = cv2.VideoWriter(str(short), cv2.VideoWriter.fourcc(*"MJPG"), 30, (1768, 994))
    for _ in range(30):
        film.write(capture.read()[1])
    film.release()
    predict_theirs(short, out, "full")
    with np.load(out, allow_pickle=False) as poses:
        names, joints = poses["joint_names"].tolist(), poses["joints"]
        frames = poses["frame_index"].tolist()
    assert joints.shape == (len(frames), 33, 3)
    assert len(frames) >= 15  # in the first ones it finds nobody yet
    assert frames == sorted(set(frames))
    assert 0 <= frames[0] < frames[-1] == 29
    hips = joints[:, [names.index("left_hip"), names.index("right_hip")]].mean(axis=1)
    assert np.abs(hips).max() < 0.02
    assert (joints[:, names.index("left_ankle"), 1] > joints[:, names.index("left_shoulder"), 1] + 0.5).all()
