"""Run by Blender's Python: make a character in an A-pose and export it as GLB, as an artist would.

Arguments after `--`: OUT.glb OUT.json (where its bones begin, metres, glTF's axes). Bones have Mixamo's
names, the skin is one mesh with Blender's automatic weights, and a painted texture.
"""

import json
import sys
from pathlib import Path

import bpy  # type: ignore[import-not-found,unused-ignore]

DROP = 0.5
"""Of the arms, per metre outwards: an A-pose."""
MIDDLE = {
    "Hips": (0, 0.95, "Spine"), "Spine": (0, 1.05, "Spine1"), "Spine1": (0, 1.2, "Spine2"),
    "Spine2": (0, 1.3, "Neck"), "Neck": (0, 1.48, "Head"), "Head": (0, 1.56, None),
}  # fmt: skip
SIDE = {
    "Shoulder": (0.03, 1.44, "Spine2"), "Arm": (0.17, 1.42, "Shoulder"), "ForeArm": (0.43, 1.42, "Arm"),
    "Hand": (0.68, 1.42, "ForeArm"), "UpLeg": (0.09, 0.92, "Hips"), "Leg": (0.09, 0.5, "UpLeg"),
    "Foot": (0.09, 0.08, "Leg"), "ToeBase": (0.09, 0.02, "Foot"),
}  # fmt: skip


def places():
    """Head of each bone (x, z up) and its parent."""
    out = {name: ((x, 0.0, z), None) for name, (x, z, _) in MIDDLE.items()}
    above = {child: name for name, (_, _, child) in MIDDLE.items() if child}
    out = {name: (head, above.get(name)) for name, (head, _) in out.items()}
    for side, sign in (("Left", 1), ("Right", -1)):
        for part, (x, z, parent) in SIDE.items():
            lower = DROP * max(0.0, x - 0.17) if z > 1.4 else 0.0
            forward = -0.12 if part == "ToeBase" else 0.0
            top = parent if parent in MIDDLE else side + parent
            out[side + part] = ((sign * x, forward, z - lower), top)
    return out


def armature(bones):
    bpy.ops.object.armature_add()
    rig = bpy.context.object
    bpy.ops.object.mode_set(mode="EDIT")
    edit = rig.data.edit_bones
    edit.remove(edit[0])
    for name, (head, parent) in bones.items():
        bone = edit.new(f"mixamorig:{name}")
        children = [h for h, p in bones.values() if p == name]
        bone.head = head
        bone.tail = children[0] if len(children) == 1 else (head[0], head[1] - 0.02, head[2] + 0.1)
        bone.roll = 0.7
        if parent:
            bone.parent = edit[f"mixamorig:{parent}"]
    bpy.ops.object.mode_set(mode="OBJECT")
    return rig


def body(bones):
    """Balls along all bones, melted into one skin, painted red on its left and green on its right."""
    balls = bpy.data.metaballs.new("body")
    balls.resolution = 0.03
    thing = bpy.data.objects.new("body", balls)
    bpy.context.collection.objects.link(thing)
    for _, (head, parent) in bones.items():
        start = bones[parent][0] if parent else head
        for step in range(7):
            ball = balls.elements.new()
            ball.co = [a + (b - a) * step / 6 for a, b in zip(start, head, strict=True)]
            ball.radius = 0.13
    bpy.context.view_layer.update()
    mesh = bpy.data.meshes.new_from_object(thing.evaluated_get(bpy.context.evaluated_depsgraph_get()))
    bpy.data.objects.remove(thing)
    skin = bpy.data.objects.new("body", mesh)
    bpy.context.collection.objects.link(skin)
    layer = mesh.uv_layers.new()
    for loop in mesh.loops:
        layer.data[loop.index].uv = (0.25 if mesh.vertices[loop.vertex_index].co.x > 0 else 0.75, 0.5)
    image = bpy.data.images.new("paint", 16, 16)
    image.pixels = [
        c for _ in range(16) for x in range(16) for c in ((1, 0, 0, 1) if x < 8 else (0, 1, 0, 1))
    ]
    image.pack()
    material = bpy.data.materials.new("paint")
    material.use_nodes = True
    texture = material.node_tree.nodes.new("ShaderNodeTexImage")
    texture.image = image
    surface = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    material.node_tree.links.new(texture.outputs["Color"], surface.inputs["Base Color"])
    mesh.materials.append(material)
    return skin


def main(target, told):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bones = places()
    rig, skin = armature(bones), body(bones)
    for thing in (skin, rig):
        thing.select_set(True)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.parent_set(type="ARMATURE_AUTO")
    bpy.ops.export_scene.gltf(filepath=target, export_format="GLB")
    heads = {name: (x, z, -y) for name, ((x, y, z), _) in bones.items()}
    Path(told).write_text(json.dumps(heads), encoding="utf-8")


main(*sys.argv[sys.argv.index("--") + 1 :])
