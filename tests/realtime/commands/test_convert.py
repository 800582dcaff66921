"""`sealcap convert` as a person types it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import ezc3d
import numpy as np
import pytest

from realtime.cli import main
from realtime.sinks.recorder import SessionRecorder
from realtime.takes.formats import FORMATS
from tests.realtime.sinks.motions import make_motion, with_poses
from tests.realtime.takes.made_takes import real_session, session_of

ONE_PERSON = [suffix for suffix, kind in FORMATS.items() if not kind.several]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the pipeline recorded: 6 s at 30 fps, nobody in sight from 2 to 4.7 s."""
    return real_session(tmp_path_factory.mktemp("recorded") / "figure.mcap")


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """Person 1 from 0 to 2 s, person 2 from 1 to 3 s, at 10 fps."""
    times = [i / 10 for i in range(31)]
    return session_of(tmp_path / "two.mcap", {1: times[:21], 2: times[10:]})


def sealcap(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str]:
    """Exit code, and all that was said, on one line."""
    capsys.readouterr()
    code = main(["convert", *map(str, args)])
    said = capsys.readouterr()
    return code, " ".join((said.out + said.err).split())


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    """One file, and nothing else; rate, resampling and gap are said."""
    out = tmp_path / f"a{suffix}"
    code, said = sealcap(capsys, recorded, out)
    assert code == 0
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    assert out.stat().st_size > 1000
    assert f"person 0: 180 frames, 6.0 s → {out}" in said
    assert "captured at 30 fps, resampled by timestamps to 30 fps" in said
    assert "one gap, longest 0.7" in said
    assert FORMATS[suffix].gaps in said
    assert "predicted or held" in said


def npz(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return {key: file[key] for key in file}


def test_another_rate(recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same motion at 60 fps."""
    sealcap(capsys, recorded, tmp_path / "30.npz")
    code, said = sealcap(capsys, recorded, tmp_path / "60.npz", "--fps", 60)
    assert code == 0
    assert "captured at 30 fps, resampled by timestamps to 60 fps" in said
    slow, fast = npz(tmp_path / "30.npz"), npz(tmp_path / "60.npz")
    assert len(fast["time_s"]) == 2 * len(slow["time_s"]) - 1
    assert np.abs(fast["joints_world"][::2] - slow["joints_world"]).max() < 1e-6


def test_a_part(recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From and to seconds, both included."""
    sealcap(capsys, recorded, tmp_path / "all.npz")
    code, said = sealcap(capsys, recorded, tmp_path / "part.npz", "--start", 0.5, "--end", 1.5)
    assert code == 0
    assert "31 frames" in said
    assert "begins at 0.50 s" in said
    whole, part = npz(tmp_path / "all.npz"), npz(tmp_path / "part.npz")
    assert np.array_equal(part["joints_world"], whole["joints_world"][15:46])
    assert part["start_wall_ns"] - whole["start_wall_ns"] == 500_000_000


def test_options_of_bvh(recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Order, unit and names reach the file."""
    out = tmp_path / "a.bvh"
    assert sealcap(capsys, recorded, out, "--order", "XYZ", "--units", "m", "--names", "mixamo")[0] == 0
    text = out.read_text()
    assert "Xrotation Yrotation Zrotation" in text
    assert "mixamorig:LeftForeArm" in text
    hips_height = float(text.split("Frame Time:")[1].split()[2])
    assert 0.5 < hips_height < 1.5


@pytest.mark.parametrize("suffix", ONE_PERSON)
def test_two_people_into_one(
    two: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    """Which one is asked, with what to type; nothing is written."""
    out = tmp_path / f"a{suffix}"
    code, said = sealcap(capsys, two, out)
    assert code == 2
    assert "holds 2 people; there is: 1 (2.1 s), 2 (2.1 s)" in said
    assert f"sealcap convert {two} {out} --person 1" in said
    assert "--person all" in said
    assert list(tmp_path.glob("a*")) == []


def test_one_of_two(two: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second comes later, which is said."""
    code, said = sealcap(capsys, two, tmp_path / "a.npz", "--person", 2)
    assert code == 0
    assert "person 2: 21 frames" in said
    assert "begins at 1.00 s" in said
    assert npz(tmp_path / "a.npz")["person_id"] == 2


def test_each_into_a_file_of_their_own(two: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """OUT-1 and OUT-2, each with that person."""
    assert sealcap(capsys, two, tmp_path / "a.npz", "--person", "all")[0] == 0
    assert sorted(path.name for path in tmp_path.glob("a*")) == ["a-1.npz", "a-2.npz"]
    assert [int(npz(tmp_path / f"a-{i}.npz")["person_id"]) for i in (1, 2)] == [1, 2]
    code, said = sealcap(capsys, two, tmp_path / "a.npz", "--person", "all")
    assert code == 2
    assert "a-1.npz" in said
    assert "exists already" in said


def test_seconds_count_for_everybody_alike(
    two: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From 2.5 s on there is only person 2; asking for person 1 then says where they are."""
    assert sealcap(capsys, two, tmp_path / "a.npz", "--person", "all", "--start", 2.5)[0] == 0
    assert [path.name for path in tmp_path.glob("a*")] == ["a-2.npz"]
    assert len(npz(tmp_path / "a-2.npz")["time_s"]) == 6
    code, said = sealcap(capsys, two, tmp_path / "b.npz", "--person", 1, "--start", 2.5)
    assert code == 2
    assert "person 1 from 0.00 to 2.00 s" in said


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("a.bhv",), "Did you mean a.bvh?"),
        (("a.fbx",), "There are .bvh, .trc, .mot, .c3d, .csv, .npz"),
        (("a",), "does not tell the format"),
        (("none/a.bvh",), "There is no folder none. Make it first: mkdir -p none"),
        (("folder.bvh",), "folder.bvh is a folder"),
        (("taken.bvh",), "taken.bvh exists already. Choose another name, or add --force"),
        (("a.bvh", "--person", "7"), "has no person 7; there is: 0 (6.0 s)"),
        (("a.bvh", "--fps", "0"), "from 0.1 to 1000"),
        (("a.bvh", "--fps", "nan"), "from 0.1 to 1000"),
        (("a.bvh", "--start", "-1"), "--start -1: give seconds from 0 up"),
        (("a.bvh", "--end", "inf"), "--end inf: give seconds"),
        (("a.bvh", "--start", "3", "--end", "2"), "--end 2 lies before --start 3"),
        (("a.bvh", "--start", "60"), "person 0 from 0.00 to 5.97 s"),
        (("a.csv", "--order", "XYZ"), "--order says nothing for .csv files"),
        (("a.bvh", "--units", "mm"), ".bvh files take cm, m"),
    ],
)  # fmt: skip
def test_what_cannot_be_obeyed(
    recorded: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    args: tuple[str, ...],
    message: str,
) -> None:
    """Exit code 2, what would be right, and no file more than before."""
    monkeypatch.chdir(tmp_path)
    Path("folder.bvh").mkdir()
    Path("taken.bvh").write_text("mine")
    code, said = sealcap(capsys, recorded, *args)
    assert code == 2
    assert message in said
    assert Path("taken.bvh").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 2


def test_force_replaces(recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only when asked to."""
    out = tmp_path / "a.csv"
    out.write_text("old")
    assert sealcap(capsys, recorded, out, "--force")[0] == 0
    assert out.read_text().startswith("frame,time_s")


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "There is no file"), (b"", "not a session"), (b"BVH, really", "not a session")],
    ids=["absent", "empty", "other"],
)
def test_what_is_no_session(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, message: str
) -> None:
    """One sentence, nothing written."""
    file = tmp_path / "x.mcap"
    if content is not None:
        file.write_bytes(content)
    code, said = sealcap(capsys, file, tmp_path / "a.bvh")
    assert code == 1
    assert message in said
    assert not (tmp_path / "a.bvh").exists()


def test_a_session_with_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Frames, but all of them empty."""
    recorder = SessionRecorder(tmp_path / "x.mcap")
    recorder.open()
    for seq in range(5):
        recorder.write(with_poses(make_motion(seq)))
    recorder.close()
    code, said = sealcap(capsys, tmp_path / "x.mcap", tmp_path / "a.bvh")
    assert code == 1
    assert "There is nobody in" in said
    assert "5 frames, all of them empty" in said


@pytest.mark.parametrize("suffix", FORMATS)
def test_one_frame(tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    """A session of a single frame is a file in every format."""
    session = session_of(tmp_path / "x.mcap", {1: [0.0]})
    code, said = sealcap(capsys, session, tmp_path / f"a{suffix}")
    assert code == 0
    assert "1 frames" in said
    if suffix == ".c3d":
        assert ezc3d.c3d(str(tmp_path / "a.c3d"))["data"]["points"].shape == (4, 26, 1)


def test_numbers_from_the_file_stay_in_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever number a person has in a file from elsewhere, their file is beside OUT."""
    session = session_of(tmp_path / "x.mcap", {-(2**62): [0.0, 0.1], 7: [0.0, 0.1]})
    (tmp_path / "out").mkdir()
    assert sealcap(capsys, session, tmp_path / "out" / "a.csv", "--person", "all")[0] == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"a--{2**62}.csv", "a-7.csv"]


@pytest.mark.parametrize(
    ("times", "message"), [([0.0, 0.1, 3e8], "hours, at 10 fps more than"), ([0.0, 3e9], "no possible time")]
)
def test_absurd_times(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], times: list[float], message: str
) -> None:
    """A clock that jumped by years does not fill the memory."""
    session = session_of(tmp_path / "x.mcap", {1: times})
    code, said = sealcap(capsys, session, tmp_path / "a.csv", "--fps", 10)
    assert code == 1
    assert message in said


_LIMITED = (
    "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000));"
    "from realtime.cli import main; sys.exit(main(sys.argv[1:]))"
)


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on the size of files")
@pytest.mark.parametrize("suffix", [".bvh", ".c3d", ".npz"])
def test_a_full_disk(recorded: Path, tmp_path: Path, suffix: str) -> None:
    """Files that may not grow: said in one sentence, the old file stays, no half one is left."""
    out = tmp_path / f"a{suffix}"
    out.write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, "convert", str(recorded), str(out), "--force"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert f"Cannot write {out}" in done.stderr
    assert "Traceback" not in done.stderr
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(out.name, "old")]
