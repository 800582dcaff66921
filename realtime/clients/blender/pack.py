"""Makes the add-on's zip: `python pack.py OUT.zip`. The same files give the same bytes."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ADDON = HERE / "sealcap_blender"
LICENSE = HERE.parents[2] / "LICENSE"
_SUFFIXES = (".py", ".toml")


def pack(out: Path) -> Path:
    """One folder inside, which installs as an add-on (before 4.2) and as an extension (since)."""
    out.parent.mkdir(parents=True, exist_ok=True)
    files = {f.name: f for f in sorted(ADDON.iterdir()) if f.suffix in _SUFFIXES} | {"LICENSE": LICENSE}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in files.items():
            entry = zipfile.ZipInfo(f"{ADDON.name}/{name}")
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, file.read_bytes())
    return out


if __name__ == "__main__":
    sys.stdout.write(f"{pack(Path(sys.argv[1]))}\n")
