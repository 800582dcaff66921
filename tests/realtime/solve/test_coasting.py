"""What a figure is taken to be while nobody sees it."""

import numpy as np
import pytest

from realtime.data import State
from realtime.solve.coasting import EXTRAPOLATION_S, FASTEST_M_S, Coasting, Sight

COASTING = Coasting(predict_s=0.5, hold_s=2.0, lost_s=1.0)


def _sight(speed: float = 1.0, root: np.ndarray | None = None) -> Sight:
    velocity = np.tile([speed, 0.0, 0.0], (26, 1))
    return Sight(0, np.zeros((26, 3)), velocity, root, np.array([0.0, 0.0, speed]))


@pytest.mark.parametrize(
    ("seconds", "state"),
    [(0.1, State.PREDICTED), (0.5, State.PREDICTED), (0.6, State.HELD), (2.0, State.HELD), (2.1, State.LOST)],
)
def test_states_follow_the_clock(seconds: float, state: State) -> None:
    """Predicted for half a second, held until two, then lost."""
    guess = COASTING.guess(_sight(), int(seconds * 1e9))
    assert guess is not None
    assert guess.state is state


def test_gone_after_three_seconds() -> None:
    """Nothing is reported of somebody away for longer."""
    assert COASTING.guess(_sight(), 3_000_000_001) is None


def test_motion_brakes_from_its_last_speed() -> None:
    """At first it goes on at that speed, in all no further than 0.1 s of it, and never turns back."""
    times = np.arange(0, 2, 0.01)
    x = np.array([COASTING.guess(_sight(), int(t * 1e9)).joints_cam[0, 0] for t in times])
    assert x[1] == pytest.approx(0.01, rel=0.06)
    assert (np.diff(x) >= 0).all()
    assert x[-1] <= EXTRAPOLATION_S
    assert np.ptp(x[times > 0.51]) == 0


def test_wild_speeds_are_cut() -> None:
    """Joints and root alike."""
    guess = COASTING.guess(_sight(50.0, np.array([0.0, 0.0, 3.0])), int(0.4e9))
    assert guess.joints_cam.max() <= FASTEST_M_S * EXTRAPOLATION_S
    assert guess.root_cam[2] <= 3.0 + FASTEST_M_S * EXTRAPOLATION_S


def test_trust_falls_and_rest_rises() -> None:
    """Trust is 1 at the last sight and 0 when lost; rest begins when long held and is complete when lost."""
    guesses = [COASTING.guess(_sight(), int(t * 1e9)) for t in np.arange(0, 3, 0.05)]
    trust, rest = np.array([g.trust for g in guesses]), np.array([g.rest for g in guesses])
    assert (np.diff(trust) <= 0).all()
    assert (np.diff(rest) >= 0).all()
    for guess in guesses:
        if guess.state is State.PREDICTED:
            assert guess.rest == 0
        if guess.state is State.LOST:
            assert (guess.trust, guess.rest) == (0, 1)


def test_an_unknown_root_stays_unknown() -> None:
    """No distance is made up."""
    assert COASTING.guess(_sight(), 1).root_cam is None
