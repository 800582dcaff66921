"""Make BVH and GLB of everybody in a session: python examples/05_convert_session.py TAKE.mcap FOLDER

The same as `sealcap convert`, for scripts that do more with a take: here its frames without gaps are counted.
"""

import sys
from pathlib import Path

from realtime.takes.bvh import write_bvh
from realtime.takes.glb import write_glb
from realtime.takes.load import load_takes

session, folder = Path(sys.argv[1]), Path(sys.argv[2])
takes = load_takes(session, fps=30)  # one per person, resampled by their timestamps
for take in takes:
    out = folder / f"{session.stem}-{take.person_id}.bvh"
    write_bvh(take, out, units="m", names="mixamo")
    print(f"{out}: {len(take)} frames, {take.present.sum()} of them recorded, {take.height_m:.2f} m tall")
write_glb(takes, folder / f"{session.stem}.glb")
