# SPDX-License-Identifier: Apache-2.0
"""Sealcap for Blender: characters follow people live, over OSC joints or VMC, and takes become keyframes.

`bpy` is imported when Blender registers the add-on, so that everything which needs no Blender can be used
and tested without it.
"""

from __future__ import annotations

bl_info = {
    "name": "Sealcap",
    "author": "The Sealcap authors",
    "version": (0, 1, 0),
    "blender": (3, 4, 0),
    "location": "3D View > Sidebar > Sealcap",
    "description": "Characters follow people in front of a camera, live, and takes become keyframes",
    "category": "Animation",
}


def register() -> None:
    """Blender calls this when the add-on is enabled."""
    from . import operators, panel, settings

    settings.register()
    operators.register()
    panel.register()


def unregister() -> None:
    """The inverse of `register`."""
    from . import operators, panel, settings

    panel.unregister()
    operators.unregister()
    settings.unregister()
