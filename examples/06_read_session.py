"""A session as numpy arrays: python examples/06_read_session.py TAKE.mcap

Here: how fast the first person's wrists moved against the hips, from the capture times; gaps are left out.
"""

import sys

import numpy as np

from lifting.skeleton import SEALCAP26
from realtime.session import read_header, read_poses

WRISTS = SEALCAP26.indices("left_wrist", "right_wrist")

times_s, wrists = [], []
for message in read_poses(sys.argv[1]):  # frame by frame, so that hours fit into memory
    for person in message.people[:1]:
        if person.state == "tracking":
            times_s.append(message.capture_time_ns / 1e9)
            wrists.append(person.joints[WRISTS] - person.root_position)  # (2,3) metres; left, up, forward

steps_s = np.diff(times_s)
speed_mps = np.linalg.norm(np.diff(wrists, axis=0), axis=2) / steps_s[:, None]  # (N-1,2)
speed_mps = speed_mps[steps_s < 0.1]
print(f"{read_header(sys.argv[1]).source}: {len(times_s)} frames")
for name, values in zip(("left", "right"), speed_mps.T, strict=True):
    print(f"{name} wrist: median {np.median(values):.2f} m/s, fastest {values.max():.2f} m/s")
