"""Whole comparisons of seconds: killed and continued, failed cells, the report."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from lifting.errors import ConfigError, DataError
from lifting.models.ray_lifter import RayLifter
from training.batches import from_hips
from training.compare import cell as cells
from training.compare.cell import SPLITS, load_result, run_cell
from training.compare.cli import compare
from training.compare.config import load_compare
from training.compare.measure import measure
from training.compare.plan import next_cells
from training.compare.report import replace_section
from training.compare.run import Comparison, LocalWorkers
from training.trainer import Trainer


def nobody(split: str, rows: int) -> None:
    """Told about progress, and silent."""


@pytest.fixture
def comparison(compare_file: Path, tmp_path: Path) -> Comparison:
    """The tiny comparison with its banks."""
    made = Comparison(load_compare(compare_file), tmp_path / "run")
    made.prepare(nobody)
    return made


def first_cell(comparison: Comparison, folder: Path) -> Path:
    """The plan's first cell, ready to run in `folder`."""
    job = comparison.write_job(next_cells(comparison.config, comparison.known)[0], 1)
    folder.mkdir()
    (folder / "cell.json").write_bytes((job / "cell.json").read_bytes())
    return folder


def test_a_killed_cell_ends_like_one_never_killed(
    comparison: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dying in step 5 after the checkpoint of step 4 and starting again gives the same measures."""
    whole = run_cell(first_cell(comparison, tmp_path / "whole"))
    killed = first_cell(comparison, tmp_path / "killed")
    real, steps = Trainer.train_step, []

    def dying(self: Trainer, batch: object) -> dict[str, float]:
        steps.append(self.step)
        if len(steps) == 6:
            raise KeyboardInterrupt
        return real(self, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "train_step", dying)
    with pytest.raises(KeyboardInterrupt):
        run_cell(killed)
    assert load_result(killed / "result.json") is None
    again = run_cell(killed)
    assert steps == [0, 1, 2, 3, 4, 5, 4, 5, 6, 7]
    assert again.test == pytest.approx(whole.test, rel=1e-5)
    assert again.steps == 8
    assert again.test["mpjpe_m"] > 0
    assert 0 <= again.data_share <= 1


def test_a_comparison_survives_a_kill_and_a_failure(
    compare_settings: dict[str, Any], compare_file: Path, tmp_path: Path
) -> None:
    """Two workers, killed with all that they started; the second call finishes every cell that can be.

    One arm cannot: its reason is reported, the others do not suffer.
    """
    compare_settings["arms"]["broken"] = {"optimiser": {"learning_rate": 1e30, "clip": 1e30}}
    compare_settings["cells"][0] |= {"arms": ["plain", "bones", "broken"], "seeds": [1]}
    compare_file.write_text(yaml.safe_dump(compare_settings, sort_keys=False), encoding="utf-8")
    folder, out = tmp_path / "run", tmp_path / "docs"
    kept = start_and_kill(compare_file, out, folder)
    assert compare(compare_file, out, folder) == 1
    results = list(folder.glob("cells/*/*/*/result.json"))
    assert len(results) == 3
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items()), "finished cells stay"
    page = (out / "methods-results.md").read_text()
    assert "3 of 4 trainings done" in page
    assert "| conv | bones | 1 |" in page
    assert re.search(r"\* conv/broken/seed1-\w+: The loss of .*Lower optimiser.learning_rate", page)
    assert (out / "methods-results-tiny.png").read_bytes().startswith(b"\x89PNG")
    assert len((out / "methods-results-tiny.csv").read_text().splitlines()) == 3
    assert not list(folder.rglob("*.partial*"))


def start_and_kill(compare_file: Path, out: Path, folder: Path) -> dict[Path, int]:
    """Run until the first checkpoint, then kill everything; returns results that were finished."""
    script = "import sys; from pathlib import Path; from training.compare.cli import compare; "
    script += "compare(*map(Path, sys.argv[1:]))"
    command = [sys.executable, "-c", script, str(compare_file), str(out), str(folder)]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while not list(folder.glob("cells/*/*/*/checkpoint.safetensors")):
        assert process.poll() is None, "it ended before it began"
        assert time.monotonic() < end
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("cells/*/*/*/result.json")}
    assert len(kept) < 3
    return kept


@dataclass
class PretendWorkers:
    """Every cell fails at once."""

    threads: int = 1
    started: list[Path] = field(default_factory=list)
    stopped: bool = False

    def free(self) -> int:
        return 2 - len(self.started)

    def start(self, folder: Path) -> None:
        assert (folder / "cell.json").is_file()
        self.started.append(folder)

    def finished(self) -> list[tuple[Path, str | None]]:
        ended, self.started = self.started, []
        return [(folder, "no good") for folder in ended]

    def stop(self) -> None:
        self.stopped = True


def test_when_all_fail(comparison: Comparison) -> None:
    """Without a baseline its arms are not tried; failures are named, and forgotten when asked to."""
    workers, reports = PretendWorkers(), []
    comparison.run(workers, lambda: reports.append(comparison.finished()), lambda: None)
    assert workers.stopped
    assert reports == [0]
    ((name, why),) = comparison.failures().items()
    assert (name.rpartition("-")[0], why) == ("conv/plain/seed1", "no good")
    assert comparison.results() == []
    assert comparison.progress() == 1
    comparison.forget_failures()
    assert comparison.failures() == {}


def test_a_cell_with_other_data_is_refused(comparison: Comparison, tmp_path: Path) -> None:
    """A bank that was replaced after planning, a damaged job and a damaged result are data errors."""
    folder = first_cell(comparison, tmp_path / "cell")
    text = (folder / "cell.json").read_text()
    (folder / "cell.json").write_text(text.replace(comparison.banks["val"].hash, "0" * 64))
    with pytest.raises(DataError, match="other data"):
        run_cell(folder)
    (folder / "cell.json").write_text("{}")
    assert cells.main([str(folder)]) == 1
    (folder / "result.json").write_text("{")
    with pytest.raises(DataError, match="Delete it to train the cell anew"):
        load_result(folder / "result.json")


def test_every_network_answers_the_same_frames(comparison: Comparison) -> None:
    """Held-out sequences are long enough for the longest window; training windows for its clips."""
    requests = comparison.bank_requests()
    assert {s: r.frames for s, r in requests.items()} == {"train": 3 + 2 - 1, "val": 3 + 5 - 1, "test": 7}
    assert set(comparison.banks) == set(SPLITS)


def test_an_answer_is_measured_by_the_truth_of_its_frame(
    compare_settings: dict[str, Any], compare_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that knows every pose has no error, whether it answers the newest or the middle frame."""
    for causal in (True, False):
        options = {"width": 8, "causal": causal}
        compare_settings["backbones"]["conv"] |= {"backbone": "video_pose", "options": options}
        compare_file.write_text(yaml.safe_dump(compare_settings, sort_keys=False), encoding="utf-8")
        made = Comparison(load_compare(compare_file), tmp_path / "run")
        made.prepare(nobody)
        lifter = Trainer(next_cells(made.config, made.known)[0].config).averaged()
        assert isinstance(lifter, RayLifter)
        assert lifter.frames == ((2,) if causal else (1,))
        bank = made.banks["test"]
        answered = from_hips(bank.take(np.arange(len(bank)), 7).joints_cam)[:, lifter.frames[-1] :][:, :5]
        told = iter([answered[i : i + 2].flatten(0, 1) for i in range(0, len(bank), 2)])
        monkeypatch.setattr(RayLifter, "forward", lambda *_, told=told: next(told))
        errors = measure(lifter, bank, 5, torch.device("cpu"))
        assert errors["mpjpe_m"] == errors["acceleration_mps2"] == 0


@pytest.mark.parametrize(
    ("chosen", "slots"), [(None, ["0", "1"]), ("2,3", ["2", "3"]), ("GPU-a, GPU-b,-1", ["GPU-a", "GPU-b"])]
)
def test_cells_use_the_gpus_that_were_chosen(
    monkeypatch: pytest.MonkeyPatch, chosen: str | None, slots: list[str]
) -> None:
    """Each cell gets one of those that CUDA_VISIBLE_DEVICES leaves, under the name that it has there."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    if chosen is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert LocalWorkers(2)._slots == slots * 2


def test_the_page_around_a_section_stays() -> None:
    """New sections go to the end, known ones are replaced in place, half a pair of markers is an error."""
    page = replace_section("# Title\n\nText.\n", "a", "one\n", Path("p.md"))
    page = replace_section(page, "b", "two\n", Path("p.md"))
    page = replace_section(page, "a", "three\n", Path("p.md"))
    assert page.startswith("# Title\n\nText.\n")
    assert "one" not in page
    assert page.index("three") < page.index("two")
    with pytest.raises(ConfigError, match="lacks one of the lines"):
        replace_section(page.replace("<!-- compare:a end -->", ""), "a", "four", Path("p.md"))


def test_the_verb_finds_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`sealcap compare FILE` takes the file without a flag; a mistake is one line and exit code 2."""
    from realtime.cli import main

    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump({"name": "x"}))
    assert main(["compare", str(path)]) == 2
    assert "is missing" in capsys.readouterr().err
