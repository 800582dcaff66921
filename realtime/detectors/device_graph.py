"""Crop, resize, normalisation and decoding as part of an RTMPose network, so that they run where it runs.

    frame (height,width,3) uint8 BGR ─┐
    picture_from_crop (people,2,3) ───┴▶ sample ▶ RGB ▶ (x-mean)/std ▶ network ▶ peaks ▶ points, scores

In go the picture as the camera gave it and one matrix per person; out come a hundred numbers per person. Any
engine can run it: a compiler makes one kernel of everything before the network. Sampling is bilinear as in
`realtime.detectors.crop`, with exact weights and without rounding to whole grey levels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from lifting.errors import ModelError
from lifting.runtime.model_file import at_least, parse_model
from realtime.detectors.rtmpose import MEAN_RGB, SPLIT_RATIO, STD_RGB

OPSET = 20
"""GridSample's words for its modes are those of opset 20;"""
RAISED_TO = 17
"""older ones have other words. It came with 16, and older models are raised to this."""
FRAME, MATRIX, POINTS, SCORES = "frame", "picture_from_crop", "points", "scores"
CROP_SIZE = "sealcap.crop"
"""Key of the metadata under which the crop's WIDTHxHEIGHT is kept."""
_PREFIX = "device_"


def with_crop_and_peaks(data: bytes, *, between_bins: bool = False) -> bytes:
    """The network (N,3,h,w) → SimCC rows, with cropping before and decoding behind it.

    Raises ModelError for networks of another form.
    """
    model = at_least(parse_model(data, "this network"), RAISED_TO, "this network")
    opset = next(o for o in model.opset_import if o.domain in ("", "ai.onnx"))
    people, height, width = _picture_axes(model)
    names = _axes(model, width, height)
    model.metadata_props.add(key=CROP_SIZE, value=f"{width}x{height}")
    graph = _Extended(model, linear="linear" if opset.version >= OPSET else "bilinear")
    graph.crop(model.graph.input[0].name, width, height)
    graph.peaks(*names, between_bins=between_bins)
    _declare(model, people, graph)
    onnx.checker.check_model(model)
    extended: bytes = model.SerializeToString()
    return extended


def _picture_axes(model: onnx.ModelProto) -> tuple[int | str, int, int]:
    """Number of people (a name where it is open), height and width of the crop. Raises ModelError."""
    axes = model.graph.input[0].type.tensor_type.shape.dim if len(model.graph.input) == 1 else []
    if len(axes) != 4 or axes[1].dim_value != 3 or not (axes[2].dim_value and axes[3].dim_value):
        raise ModelError(
            "Cropping on the GPU needs a network with one input (N,3,h,w) of known height and width."
        )
    return axes[0].dim_value or "people", axes[2].dim_value, axes[3].dim_value


def _axes(model: onnx.ModelProto, width: int, height: int) -> tuple[str, str]:
    """Names of the outputs for columns and rows. Raises ModelError where there are no two of them."""
    lengths = {o.name: o.type.tensor_type.shape.dim[-1].dim_value for o in model.graph.output}
    bins = [round(side * SPLIT_RATIO) for side in (width, height)]
    if sorted(lengths.values()) != sorted(bins) or len(lengths) != 2:
        raise ModelError(
            f"Decoding on the GPU needs two outputs of {bins[0]} and {bins[1]} bins, not {lengths}."
        )
    order = sorted(lengths, key=lambda name: name.lower().endswith("y"))
    if bins[0] != bins[1]:
        order.sort(key=lambda name: lengths[name] != bins[0])
    return order[0], order[1]


def _declare(model: onnx.ModelProto, people: int | str, graph: _Extended) -> None:
    """The new nodes, inputs and outputs."""
    joints = model.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    own = list(model.graph.node)
    del model.graph.node[:], model.graph.input[:], model.graph.output[:]
    model.graph.node.extend([*graph.before, *own, *graph.behind])
    floats = TensorProto.FLOAT
    model.graph.input.extend(
        [
            helper.make_tensor_value_info(FRAME, TensorProto.UINT8, ["height", "width", 3]),
            helper.make_tensor_value_info(MATRIX, floats, [people, 2, 3]),
        ]
    )
    model.graph.output.extend(
        [
            helper.make_tensor_value_info(POINTS, floats, [people, joints, 2]),
            helper.make_tensor_value_info(SCORES, floats, [people, joints]),
        ]
    )


class _Extended:
    """Nodes to put before and behind a network; weights go into its graph at once."""

    def __init__(self, model: onnx.ModelProto, linear: str) -> None:
        self._graph, self._linear, self._count = model.graph, linear, 0
        self.before: list[onnx.NodeProto] = []
        self.behind: list[onnx.NodeProto] = []
        self._nodes = self.before

    def crop(self, target: str, width: int, height: int) -> None:
        """frame, picture_from_crop → `target` (N,3,h,w)."""
        grid = self._grid(width, height)
        frame = self._add("Cast", FRAME, to=TensorProto.FLOAT)  # first: TensorRT does nothing else with bytes
        planes = self._add("Unsqueeze", self._add("Transpose", frame, perm=[2, 0, 1]), self._ints(0))
        sampled = self._add(
            "GridSample", planes, grid, mode=self._linear, padding_mode="zeros", align_corners=1
        )  # (1,3,N·h,w)
        bgr = self._add("Reshape", sampled, self._ints(3, -1, height, width))
        rgb = self._add("Gather", self._add("Transpose", bgr, perm=[1, 0, 2, 3]), self._ints(2, 1, 0), axis=1)
        centred = self._add("Sub", rgb, self._floats(MEAN_RGB.reshape(1, 3, 1, 1)))
        self._add("Mul", centred, self._floats(1 / STD_RGB.reshape(1, 3, 1, 1)), to_name=target)

    def _grid(self, width: int, height: int) -> str:
        """Where each crop pixel lies in the picture, (1,N·h,w,2) in -1..1.

        Written as products and sums: a matrix product would become fp16 with the network, far too coarse.
        """
        row, column = np.mgrid[:height, :width].reshape(2, 1, 1, -1).astype(np.float32)  # (1,1,h·w) each
        across, down, shift = (
            self._add("Slice", MATRIX, self._ints(k), self._ints(k + 1), self._ints(2)) for k in range(3)
        )  # (N,2,1) each
        moved = self._add("Add", self._add("Mul", down, self._floats(row)), shift)
        px = self._add("Add", self._add("Mul", across, self._floats(column)), moved)  # (N,2,h·w) x, y
        size = self._add("Slice", self._add("Shape", FRAME), self._ints(0), self._ints(2), self._ints(0))
        size = self._add("Gather", self._add("Cast", size, to=TensorProto.FLOAT), self._ints(1, 0), axis=0)
        half = self._add("Mul", self._add("Sub", size, self._floats([1.0])), self._floats([0.5]))
        half = self._add("Reshape", half, self._ints(1, 2, 1))  # (W-1)/2, (H-1)/2
        share = self._add("Sub", self._add("Div", px, half), self._floats([1.0]))
        turned = self._add("Transpose", share, perm=[0, 2, 1])
        return self._add("Reshape", turned, self._ints(1, -1, width, 2))

    def peaks(self, columns: str, rows: str, *, between_bins: bool) -> None:
        """SimCC rows → points (N,J,2) in crop pixels and scores (N,J)."""
        self._nodes = self.behind
        (x, best_x), (y, best_y) = (self._peak(name, between_bins) for name in (columns, rows))
        bins = self._add("Concat", x, y, axis=2)
        self._add("Mul", bins, self._floats([1 / SPLIT_RATIO]), to_name=POINTS)
        lower = self._add("Min", best_x, best_y)
        self._add("Squeeze", lower, self._ints(2), to_name=SCORES)

    def _peak(self, values: str, between_bins: bool) -> tuple[str, str]:
        """Place and height of the highest bin, (N,J,1) each; by a parabola through three bins if wanted."""
        peak = self._add("ArgMax", values, axis=2, keepdims=1)
        top = self._add("GatherElements", values, peak, axis=2)
        place = self._add("Cast", peak, to=TensorProto.FLOAT)
        if not between_bins:
            return place, top
        length = (
            next(o for o in self._graph.output if o.name == values).type.tensor_type.shape.dim[2].dim_value
        )
        one, zero, last = self._floats([1.0]), self._floats(0.0), self._floats(length - 1.0)
        beside = []
        for step in ("Sub", "Add"):
            index = self._add("Clip", self._add(step, place, one), zero, last)
            index = self._add("Cast", index, to=TensorProto.INT64)
            beside.append(self._add("GatherElements", values, index, axis=2))
        left, right = beside
        bend = self._add("Sub", self._add("Add", left, right), self._add("Add", top, top))
        inner = self._add("Mul", self._add("Sub", place, zero), self._add("Sub", last, place))
        usable = self._add("And", self._add("Greater", inner, zero), self._add("Less", bend, zero))
        safe = self._add("Where", usable, bend, self._floats([-1.0]))
        tilt = self._add("Mul", self._add("Sub", left, right), self._floats([0.5]))
        shift = self._add("Where", usable, self._add("Div", tilt, safe), zero)
        return self._add("Add", place, shift), top

    def _add(self, kind: str, *inputs: str, to_name: str = "", **attributes: Any) -> str:
        name = to_name or self._name()
        self._nodes.append(
            helper.make_node(kind, list(inputs), [name], name=f"{_PREFIX}{kind}_{name}", **attributes)
        )
        return name

    def _ints(self, *values: int) -> str:
        return self._weight(np.array(values, np.int64))

    def _floats(self, values: Any) -> str:
        return self._weight(np.asarray(values, np.float32))

    def _weight(self, values: np.ndarray) -> str:
        name = self._name()
        self._graph.initializer.append(numpy_helper.from_array(values, name))
        return name

    def _name(self) -> str:
        self._count += 1
        return f"{_PREFIX}{self._count}"
