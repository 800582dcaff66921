"""A folder of motion files becomes a corpus that training reads."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from lifting.errors import ConfigError, DataError
from lifting.skeleton import SEALCAP26
from training import data_cli
from training.bodies import ancestor_matrix
from training.conversion import corpus_file
from training.conversion.actions import category_of, cmu_rate_hz, read_index
from training.conversion.clips import Clip
from training.conversion.collection import find_people
from training.conversion.convert import Conversion, Report, convert
from training.conversion.corpus_file import write_corpus, write_rotations
from training.conversion.layout import CONTACTS, JOINTS, SEGMENTS
from training.conversion.person import convert_person
from training.conversion.rigs import RigMap
from training.conversion.rotations import from_rotvec, to_quaternion
from training.conversion.splits import assign_splits, read_splits
from training.corpus import load_corpus

RNG = np.random.default_rng(5)


def clip(name: str, frames: int, subject: str = "one") -> Clip:
    """Random joints within two metres of a pelvis that wanders."""
    pelvis = np.cumsum(RNG.normal(size=(frames, 1, 3)), axis=0) * 0.02
    turns = from_rotvec(RNG.normal(size=(frames, len(SEGMENTS), 3)))
    positions = pelvis + RNG.uniform(-2, 2, (frames, len(JOINTS), 3)) * (np.arange(len(JOINTS)) > 0)[:, None]
    return Clip(
        name=name,
        subject=subject,
        action="walks, slowly",
        category="walk",
        source="test",
        stature_m=1.7,
        fps=30.0,
        positions=positions.astype(np.float32),
        contact=RNG.integers(0, 2, (frames, 4)).astype(np.uint8),
        quaternions=to_quaternion(turns).astype(np.float32),
    )


@pytest.fixture
def collection(tmp_path: Path, figure, write_bvh) -> Path:
    """CMU's subject 1 as AMC and, worse, as BVH; 2 and 3 as BVH only; and files that cannot be read."""
    folder = tmp_path / "motions"
    for name in ("01", "02", "03", "others"):
        (folder / name).mkdir(parents=True)
    figure.write_asf(folder / "01" / "01.asf")
    figure.write_amc(folder / "01" / "01_01.amc")
    figure.write_mb(folder / "01" / "01_01.bvh")
    figure.write_mb(folder / "02" / "02_01.bvh")
    figure.write_daz(folder / "03" / "03_04.bvh")
    text = (folder / "02" / "02_01.bvh").read_text()
    (folder / "02" / "02_02.bvh").write_text(text[: len(text) // 2])
    (folder / "02" / "02_03.bvh").write_text(text.replace("Frames: 361", "Frames: 900000000"))
    (folder / "others" / "noise.bvh").write_bytes(bytes(range(256)) * 50)
    (folder / "others" / "orphan.amc").write_text("1\nroot 0 0 0 0 0 0\n")
    return folder


@pytest.fixture
def all_train(tmp_path: Path) -> Path:
    """A splits file that puts everybody of the collection into train."""
    path = tmp_path / "splits.yaml"
    path.write_text("train: [cmu01, cmu02, cmu03]\n")
    return path


def _positions(folder: Path, name: str, split: str) -> np.ndarray:
    corpus = load_corpus(folder, name, split)
    joints: np.ndarray = np.einsum("jk,tkc->tjc", ancestor_matrix(SEALCAP26).numpy(), corpus.bones)
    return joints


def _columns() -> list[int]:
    short = [joint.replace("left_", "l_").replace("right_", "r_") for joint in SEALCAP26.joints]
    return [JOINTS.index(joint) for joint in short]


def test_written_files_are_what_training_reads(tmp_path: Path) -> None:
    """load_corpus gives the clips' joints back to 0.25 mm, with lengths, people and statures."""
    clips = [clip("a", 40), clip("b", 25, "two")]
    write_corpus(tmp_path / "x_train.npz", clips)
    corpus = load_corpus(tmp_path, "x", "train")
    assert corpus.frames.tolist() == [40, 25]
    assert corpus.subject == ("one", "two")
    assert corpus.fps == 30.0
    expected = np.concatenate([one.positions for one in clips])[:, _columns()]
    assert np.abs(_positions(tmp_path, "x", "train") - expected).max() < 0.00025
    with np.load(tmp_path / "x_train.npz") as file:
        assert np.array_equal(file["contact"], np.concatenate([one.contact for one in clips]))
        assert file["contact_names"].tolist() == list(CONTACTS)
        assert file["action"].tolist() == ["walks, slowly"] * 2


def test_rotations_come_back(tmp_path: Path) -> None:
    """Quaternions are within 0.01°; with a clip that has none no file is written."""
    clips = [clip("a", 30), clip("b", 30)]
    assert write_rotations(tmp_path / "r.npz", clips)
    with np.load(tmp_path / "r.npz") as file:
        found = file["quat_xyzw"] / 32767
        expected = np.concatenate([one.quaternions for one in clips])
        assert np.abs(found - expected).max() < 1e-4
        assert file["segments"].tolist() == list(SEGMENTS)
    object.__setattr__(clips[1], "quaternions", None)
    assert not write_rotations(tmp_path / "none.npz", clips)
    assert not (tmp_path / "none.npz").exists()


@pytest.mark.shared
def test_arrays_are_those_of_the_shipped_corpus(tmp_path: Path) -> None:
    """Same fields, kinds and joints as the corpus beside the checkout."""
    shipped = Path(__file__).parents[4] / "shared" / "data" / "motion"
    if not (shipped / "cmu_val.npz").is_file():
        pytest.skip("the motion corpus is not beside the checkout")
    write_corpus(tmp_path / "x_train.npz", [clip("a", 30)])
    write_rotations(tmp_path / "x_train_rotations.npz", [clip("a", 30)])
    for ours, theirs in (("x_train.npz", "cmu_val.npz"), ("x_train_rotations.npz", "cmu_val_rotations.npz")):
        with np.load(tmp_path / ours) as a, np.load(shipped / theirs) as b:
            assert set(a.files) == set(b.files)
            for field in a.files:
                assert (a[field].dtype.kind, a[field].ndim) == (b[field].dtype.kind, b[field].ndim), field
            for field in ("joints", "parents", "contact_names", "scale", "segments"):
                if field in a.files:
                    assert a[field].tolist() == b[field].tolist()


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens while writing, the file of before stays, and no half of a new one."""
    path = tmp_path / "x_train.npz"
    write_corpus(path, [clip("a", 30)])
    before = path.read_bytes()

    def broken(file, **arrays) -> None:
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(corpus_file.np, "savez_compressed", broken)
    with pytest.raises(OSError, match="disk full"):
        write_corpus(path, [clip("b", 30)])
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x_train.npz"]


def test_impossible_clips_are_refused(tmp_path: Path) -> None:
    """No clip, and a joint nine metres from its pelvis, are DataErrors."""
    with pytest.raises(DataError, match="no clip"):
        write_corpus(tmp_path / "x.npz", [])
    far = clip("a", 30)
    far.positions[3, 5] += 12
    with pytest.raises(DataError, match=r"more than 8\.2 m"):
        write_corpus(tmp_path / "x.npz", [far])


def test_people_and_forms_are_found(collection: Path) -> None:
    """Trials belong to CMU's subjects, the best form first; an AMC without its ASF is left out."""
    people, skipped = find_people(collection, RigMap())
    forms = {person.name: [(one.name, one.form) for one in person.recordings] for person in people}
    assert forms == {
        "cmu01": [("01_01", "amc"), ("01_01", "mb")],
        "cmu02": [("02_01", "mb"), ("02_02", "mb"), ("02_03", "mb")],
        "cmu03": [("03_04", "daz")],
        "others": [("others/noise", "bvh")],
    }
    assert [(path.name, reason) for path, reason in skipped] == [
        ("orphan.amc", "there is no .asf file for it")
    ]
    named = RigMap(subject=r"^(\w\w)")
    assert {person.name for person in find_people(collection, named)[0]} == {"01", "02", "03", "ot"}


def test_a_collection_is_converted(collection: Path, all_train: Path, tmp_path: Path) -> None:
    """Each readable trial becomes a clip once; others are listed with reasons; progress ends."""
    told: list[tuple[int, int]] = []
    conversion = Conversion(collection, tmp_path / "out", splits=all_train)
    report = convert(conversion, lambda *values: told.append(values))
    assert [row[:3] for row in report.rows] == [("train", 3, 3)]
    assert [path.name for path in report.files] == [
        "cmu_train.npz",
        "cmu_train_rotations.npz",
        "cmu_clips.csv",
    ]
    assert told[-1] == (7, 7)
    reasons = {path.name: reason for path, reason in report.skipped}
    assert set(reasons) == {"02_02.bvh", "02_03.bvh", "noise.bvh", "orphan.amc"}
    assert "not a text file" in reasons["noise.bvh"]
    with (tmp_path / "out" / "cmu_clips.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["name"], row["source"]) for row in rows] == [
        ("01_01", "cmu-amc"), ("02_01", "cmu-mb"), ("03_04", "cmu-daz")]  # fmt: skip
    joints = _positions(tmp_path / "out", "cmu", "train")
    assert len(joints) == 90 + 90 + 90
    # The same figure in three forms; the Daz form on average proportions, so only its size differs.
    assert np.abs(joints[:90] - joints[90:180]).max() < 0.004
    daz = np.linalg.norm(joints[:90] - joints[180:], axis=-1)
    assert daz.mean() < 0.05
    assert joints[..., 2].min() > -0.01


def test_workers_do_not_change_the_result(collection: Path, tmp_path: Path) -> None:
    """Two processes write the same bytes of joints as one."""
    one = convert(Conversion(collection, tmp_path / "one"))
    two = convert(Conversion(collection, tmp_path / "two", workers=2))
    assert one.rows == two.rows
    for path in one.files:
        if path.suffix == ".npz":
            with np.load(path) as a, np.load(tmp_path / "two" / path.name) as b:
                assert all(np.array_equal(a[field], b[field]) for field in a.files)


def test_rates_of_trials_and_of_other_files(figure, tmp_path: Path) -> None:
    """CMU's trials have the rate that is known of them; other files the one they name."""
    for subject, name in (("33", "33_01"), ("walks", "stroll")):
        (tmp_path / subject).mkdir()
        path = figure.write_mb(tmp_path / subject / f"{name}.bvh")
        path.write_text(path.read_text().replace("Frame Time: 0.0083333", "Frame Time: 0.0111111"))
    report = convert(Conversion(tmp_path, tmp_path / "out"))
    assert [path.name for path in report.files][-1] == "cmu_clips.csv"
    with (tmp_path / "out" / "cmu_clips.csv").open() as file:
        seconds = {row["name"]: float(row["seconds"]) for row in csv.DictReader(file)}
    # 360 frames at 60 Hz are six seconds; at 90 Hz, as the other file says, four.
    assert seconds == {"33_01": pytest.approx(6, abs=0.1), "walks/stroll": pytest.approx(4, abs=0.1)}


@pytest.mark.parametrize("form", ["amc", "asf", "mb", "daz"])
def test_damage_anywhere_costs_only_the_file(form: str, figure, tmp_path: Path) -> None:
    """Bytes changed, lost or added at random: the file is skipped or converted, and nothing else happens."""
    writers = {"amc": ("01_01.amc", figure.write_amc), "asf": ("01.asf", figure.write_asf),
               "mb": ("01_01.bvh", figure.write_mb), "daz": ("01_01.bvh", figure.write_daz)}  # fmt: skip
    name, write = writers[form]
    whole = write(tmp_path / name).read_bytes()
    if form in ("amc", "asf"):
        other = writers["asf" if form == "amc" else "amc"]
        other[1](tmp_path / other[0])
    rng = np.random.default_rng(8)
    outcomes = set()
    for _ in range(12):
        at, length = int(rng.integers(min(len(whole), 4000))), int(rng.integers(1, 30))
        filler = (b"nan ", b"{", b"1e8 ", b"\n", b"")[rng.integers(5)]
        (tmp_path / name).write_bytes(whole[:at] + filler + whole[at + length :])
        (person,) = find_people(tmp_path, RigMap())[0]
        result = convert_person(person, RigMap(), {}, 30.0)
        outcomes.add(bool(result.skipped))
    assert True in outcomes


def test_splits_by_file(collection: Path, tmp_path: Path) -> None:
    """People go where the YAML says; who is not in it is left out and named."""
    splits = tmp_path / "splits.yaml"
    splits.write_text("train: [cmu01]\ntest: [cmu03, cmu77]\n")
    report = convert(Conversion(collection, tmp_path / "out", "mine", splits=splits))
    assert [row[0] for row in report.rows] == ["train", "test"]
    assert report.unused == ("cmu02",)
    assert load_corpus(tmp_path / "out", "mine", "test").subject == ("cmu03",)


def test_old_files_are_not_overwritten_unasked(collection: Path, all_train: Path, tmp_path: Path) -> None:
    """A corpus of the same name stays until --overwrite; then no split of the old one is left."""
    out = tmp_path / "out"
    out.mkdir()
    write_corpus(out / "cmu_val.npz", [clip("old", 30)])
    with pytest.raises(ConfigError, match=r"already holds cmu_val\.npz.*--overwrite"):
        convert(Conversion(collection, out))
    convert(Conversion(collection, out, splits=all_train, overwrite=True))
    assert not (out / "cmu_val.npz").exists()
    assert (out / "cmu_train.npz").is_file()


def test_nothing_to_convert(tmp_path: Path) -> None:
    """No folder, no motion in it, or only unreadable motion: a DataError, and nothing written."""
    with pytest.raises(DataError, match="is no folder"):
        convert(Conversion(tmp_path / "absent", tmp_path / "out"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no motion"):
        convert(Conversion(tmp_path / "empty", tmp_path / "out"))
    (tmp_path / "empty" / "x.bvh").write_text("HIERARCHY\n")
    with pytest.raises(DataError, match=r"1 files were left out.*x\.bvh"):
        convert(Conversion(tmp_path / "empty", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [{"fps": 1.0}, {"workers": 0}, {"name": "../x"}])
def test_impossible_options(options, tmp_path: Path) -> None:
    """Options that cannot be obeyed are ConfigErrors."""
    with pytest.raises(ConfigError, match="--"):
        convert(Conversion(tmp_path, tmp_path / "out", **options))


def test_no_person_is_in_two_splits() -> None:
    """Every person has one split, whatever the order; with three or more nobody's split is empty."""
    for count in (1, 2, 3, 10, 60):
        people = [f"p{i}" for i in range(count)]
        chosen = assign_splits(people)
        assert chosen == assign_splits(people[::-1] + people)
        assert set(chosen) == set(people)
        assert len(set(chosen.values())) == min(count, 3)
        assert list(chosen.values()).count("train") >= min(count, 1)
    assert assign_splits(["cmu10", "cmu08", "cmu01"]) == {"cmu10": "test", "cmu08": "val", "cmu01": "train"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: [a]\nval: [a]", "a would be in two splits"),
        ("train: a", "list of names"),
        ("train: [1]", "quote"),
        ("dev: [a]", "under train, val and test"),
        ("train: [z]", "names none of the people found: a, b"),
        ("[", "cannot be read"),
    ],
)
def test_bad_splits(text: str, message: str, tmp_path: Path) -> None:
    """A splits file that cannot be obeyed is a ConfigError."""
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_splits(tmp_path / "s.yaml", ["a", "b"])


def test_actions_and_rates(tmp_path: Path) -> None:
    """An index names what is done and how fast it was captured; categories follow the words."""
    table = tmp_path / "index.csv"
    table.write_text(
        'Subject,Trial #,Motion Description,framerate\n5,2,"dance, jete",120\n60,1,salsa,60\n7,1,walk,\n'
    )
    index = read_index(table)
    assert index == {"05_02": ("dance, jete", 120.0), "60_01": ("salsa", 60.0), "07_01": ("walk", None)}
    assert cmu_rate_hz("60_01") == 60.0
    assert cmu_rate_hz("05_02") == 120.0
    words = ("walk forward", "sitting on a stool", "basketball dribble", "karate kick", "qwerty")
    assert [category_of(text) for text in words] == ["walk", "sit", "sport", "combat", "other"]
    table.write_text("CMU index\n\n01_01\tplayground - climb, hang\n131_2  walk\n")
    assert read_index(table) == {"01_01": ("playground - climb, hang", None), "131_02": ("walk", None)}
    table.write_text("hello")
    with pytest.raises(ConfigError, match="lists no trial"):
        read_index(table)


def test_command_says_what_it_did(
    collection: Path, all_train: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The verb prints splits, what was cut, and which files were left out and why."""
    data_cli.convert(collection, tmp_path / "out", splits=all_train, workers=1)
    said = " ".join(capsys.readouterr().out.split())
    assert "train" in said
    assert "Nobody is in test, val" in said
    assert "4 files were left out" in said
    assert "noise.bvh" in said
    third = convert(Conversion(collection, tmp_path / "again"))
    assert isinstance(third, Report)
    assert [row[:3] for row in third.rows] == [("train", 1, 1), ("val", 1, 1), ("test", 1, 1)]
