"""The occlusion protocol hides what it says, nothing else, and always the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from rich.console import Console

from lifting.models.ray_lifter import RayLifter
from lifting.skeleton import BODY21, SEALCAP26
from training import metrics, occlusion
from training.batches import BatchMaker, seeded
from training.config import TrainingConfig
from training.corpus import load_corpus
from training.evaluate import lift_windows
from training.occlusion import CASES, Occlusion, corrupt, evaluate_occluded
from training.score_tables import occlusion_table

every_case = pytest.mark.parametrize("case", CASES, ids=str)


def figures(count: int = 40, frames: int = 50) -> torch.Tensor:
    """Rays of random figures of different sizes, one joint in ten lost."""
    rng = torch.Generator().manual_seed(3)
    size = 0.05 + torch.rand(count, 1, 1, 1, generator=rng)
    rays = size * torch.randn(count, frames, 21, 2, generator=rng)
    confidence = 0.4 + 0.6 * torch.rand(count, frames, 21, 1, generator=rng)
    confidence = confidence * (torch.rand(confidence.shape, generator=rng) > 0.1)
    return torch.cat([rays, confidence], dim=-1)


@every_case
def test_nothing_else_changes(case: Occlusion) -> None:
    """Joints outside the mask keep every bit, lost joints stay lost, the same seed hides the same."""
    clean = figures()
    before = clean.clone()
    hidden_view, hidden = corrupt(clean, case, 5)
    assert torch.equal(clean, before)
    assert torch.equal(hidden_view[~hidden], clean[~hidden])
    assert not hidden_view[..., 2][clean[..., 2] == 0].any()
    again, same = corrupt(clean, case, 5)
    assert torch.equal(again, hidden_view)
    assert torch.equal(same, hidden)
    assert not torch.equal(corrupt(clean, case, 6)[1], hidden)


@every_case
def test_hidden_joints_look_as_said(case: Occlusion) -> None:
    """Gone: all zero. Jitter: 5 % of the box around what was seen, in both axes, confidence 0.05 to 0.3."""
    clean = figures()
    view, hidden = corrupt(clean, case, 1)
    if case.form == "gone":
        assert not view[hidden].any()
        return
    known = clean.clone()
    known[..., :2][clean[..., 2] == 0] = torch.nan
    extent = np.nanmax(known[..., :2].numpy(), axis=2) - np.nanmin(known[..., :2].numpy(), axis=2)
    box = torch.from_numpy(extent.max(axis=-1))[..., None, None]  # (S,F,1,1)
    moved = hidden & (clean[..., 2] > 0)
    shift = ((view - clean)[..., :2] / box)[moved]
    assert shift.std(dim=0).numpy() == pytest.approx([0.05, 0.05], rel=0.1)
    assert shift.mean().abs() < 0.005
    assert view[..., 2][moved].min() >= 0.05
    assert view[..., 2][moved].max() <= 0.3


@pytest.mark.parametrize("share", [0.1, 0.2, 0.3])
def test_random_joints(share: float) -> None:
    """Each joint of each frame by itself, with the probability that was asked for."""
    _, hidden = corrupt(figures(), Occlusion("joints", share, "gone"), 2)
    assert hidden.float().mean().item() == pytest.approx(share, rel=0.03)
    assert hidden.float().mean(dim=(0, 1)).numpy() == pytest.approx(np.full(21, share), rel=0.25)


@pytest.mark.parametrize("frames", [5, 15, 30])
@pytest.mark.parametrize("what", ["limb", "all"])
def test_events(what: str, frames: int) -> None:
    """One stretch of exactly that many frames inside the given ones; one whole limb, or everything."""
    _, hidden = corrupt(figures(), Occlusion(what, frames, "gone"), 4, within=(8, 48))  # type: ignore[arg-type]
    during = hidden.any(dim=2)
    limbs = set()
    for row, joints in zip(during, hidden, strict=True):
        time = row.nonzero()[:, 0]
        assert len(time) == frames
        assert time[-1] - time[0] == frames - 1
        assert 8 <= time[0] <= time[-1] < 48
        assert (joints[time] == joints[time[0]]).all()
        limbs.add(" ".join(name for i, name in enumerate(BODY21.joints) if joints[time[0], i]))
    sides = ("left", "right")
    whole = {f"{s}_shoulder {s}_elbow {s}_wrist" for s in sides}
    whole |= {f"{s}_hip {s}_knee {s}_ankle {s}_heel {s}_toe" for s in sides}
    assert limbs == (whole if what == "limb" else {" ".join(BODY21.joints)})
    if frames < 30:
        assert len({int(row.nonzero()[0]) for row in during}) > 5


def test_protocol() -> None:
    """Nine ways in two forms, named for tables."""
    assert len(set(CASES)) == 18
    assert str(CASES[0]) == "joints 10%, gone"
    assert str(CASES[-1]) == "all 30 frames, jitter"


@pytest.mark.parametrize(
    ("what", "amount", "form", "message"),
    [
        ("feet", 5, "gone", "there is no 'feet' that is 'gone'"),
        ("limb", 5, "blurred", "'limb' that is 'blurred'"),
        ("joints", 0, "gone", "probability must lie in 0..1, got 0"),
        ("joints", 1.5, "gone", "got 1.5"),
        ("limb", 0, "gone", "at least 1, got 0"),
        ("all", 2.5, "jitter", "whole and at least 1, got 2.5"),
    ],
)
def test_impossible_cases(what: str, amount: float, form: str, message: str) -> None:
    """Unknown words and impossible amounts are refused."""
    with pytest.raises(ValueError, match=message):
        Occlusion(what, amount, form)  # type: ignore[arg-type]


def test_bad_keypoints() -> None:
    """Other joints, none, NaN where seen, too few frames for the event; NaN where lost is fine."""
    case = Occlusion("limb", 30, "jitter")
    with pytest.raises(ValueError, match=r"\(S,F,21,3\), got \(2, 40, 26, 3\)"):
        corrupt(torch.zeros(2, 40, 26, 3), case, 1)
    with pytest.raises(ValueError, match=r"got \(0, 40, 21, 3\)"):
        corrupt(torch.zeros(0, 40, 21, 3), case, 1)
    with pytest.raises(ValueError, match="limb 30 frames, jitter must fit into the frames 0 to 29 of 29"):
        corrupt(figures(2, 29), case, 1)
    with pytest.raises(ValueError, match="frames 30 to 50 of 50"):
        corrupt(figures(2, 50), case, 1, within=(30, 50))
    broken = figures(2, 40)
    lost = broken[..., 2] == 0
    broken[..., :2][lost] = torch.nan
    view, _ = corrupt(broken, case, 1)
    assert view[~lost].isfinite().all()
    broken[1, 3, 4] = torch.tensor([torch.nan, 0, 0.5])
    with pytest.raises(ValueError, match="seen joints that are not finite"):
        corrupt(broken, case, 1)


def test_table_of_a_lifter(tiny_config: TrainingConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows hold what metrics say of the same sequences, hidden joints apart, by plain loops."""
    monkeypatch.setattr(occlusion, "SEQUENCES", 6)
    torch.manual_seed(0)
    model = tiny_config.model
    lifter = RayLifter(model.backbone, model.window, model.options).eval()
    corpus = load_corpus(tiny_config.corpus.folder, "tiny", "test")
    case = Occlusion("limb", 15, "gone")
    open_row, row = evaluate_occluded(lifter, corpus, tiny_config, (case,))
    assert open_row.case is None
    assert open_row.hidden_mpjpe_m is None

    made = BatchMaker(corpus, tiny_config).windows(6, model.window + 39, seeded(7, 1))
    before, truth = lift_windows(lifter, made)
    assert open_row.mpjpe_m == pytest.approx(
        metrics.mpjpe(*(x.reshape(-1, 26, 3)[:, 1:] for x in (before, truth)))
    )
    keypoints, hidden = corrupt(made.keypoints, case, 7, within=(model.window - 1, model.window + 39))
    hidden_view = type(made)(made.joints_cam, keypoints, made.gravity)
    predicted, _ = lift_windows(lifter, hidden_view)
    errors: dict[str, list[float]] = {"now": [], "before": []}
    for s, f, j in hidden[:, model.window - 1 :].nonzero().tolist():
        joint = SEALCAP26.index(BODY21.joints[j])
        errors["now"].append(float(np.linalg.norm(predicted[s, f, joint] - truth[s, f, joint])))
        errors["before"].append(float(np.linalg.norm(before[s, f, joint] - truth[s, f, joint])))
    assert row.hidden_mpjpe_m == pytest.approx(np.mean(errors["now"]))
    assert row.hidden_before_m == pytest.approx(np.mean(errors["before"]))
    assert row.mpjpe_m == pytest.approx(
        metrics.mpjpe(*(x.reshape(-1, 26, 3)[:, 1:] for x in (predicted, truth)))
    )
    assert row.hidden_depth_order is not None
    assert 0 < row.hidden_depth_order < 1

    with (console := Console(width=120)).capture() as text:
        console.print(occlusion_table([open_row, row], "test"))
    assert f"{1000 * row.hidden_mpjpe_m:.1f} mm" in text.get()
    assert "limb 15 frames, gone" in text.get()
