"""A network of RTMPose's build and size with random weights, as ONNX: for speed, and for tests of engines.

CSPNeXt backbone, a 7×7 convolution to the joints, and a head with one gated attention unit that classifies
columns and rows (RTMPose, Jiang et al. 2023). It says nothing sensible; its work is that of the real one.

    python benchmarks/rtmpose_size.py out.onnx --size m
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZES = {"t": (0.167, 0.375), "s": (0.33, 0.5), "m": (0.67, 0.75)}
"""How deep and how wide, as shares of the largest."""
STAGES = ((64, 128, 3, True), (128, 256, 6, True), (256, 512, 6, True), (512, 1024, 3, False))
"""Channels in and out, blocks, whether blocks add their input."""
HIDDEN, INNER, KEYS = 256, 512, 128
W, H = 192, 256
OPSET = 17


def rtmpose_size(size: str = "m", joints: int = 26, *, seed: int = 0) -> bytes:
    """input (people,3,256,192) → simcc_x (people,joints,384), simcc_y (people,joints,512)."""
    deep, wide = SIZES[size]
    net = _Builder(seed)
    x = net.backbone("input", deep, wide)
    net.head(x, round(STAGES[-1][1] * wide), joints)
    graph = helper.make_graph(
        net.nodes,
        "rtmpose_size",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["people", 3, H, W])],
        [
            helper.make_tensor_value_info("simcc_x", TensorProto.FLOAT, ["people", joints, 2 * W]),
            helper.make_tensor_value_info("simcc_y", TensorProto.FLOAT, ["people", joints, 2 * H]),
        ],
        net.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def parameters(data: bytes) -> int:
    """Numbers that are learned."""
    return sum(int(np.prod(w.dims)) for w in onnx.load_model_from_string(data).graph.initializer)


def multiply_adds(data: bytes) -> int:
    """Of convolutions and matrix products with weights, for one person."""
    model = onnx.shape_inference.infer_shapes(onnx.load_model_from_string(data))
    shapes = {
        v.name: [d.dim_value or 1 for d in v.type.tensor_type.shape.dim]
        for v in (*model.graph.value_info, *model.graph.output)
    }
    weights = {w.name: list(w.dims) for w in model.graph.initializer}
    total = 0
    for node in model.graph.node:
        kernel = next((weights[n] for n in node.input[1:2] if n in weights), None)
        if node.op_type == "Conv" and kernel:
            total += int(np.prod(kernel)) * int(np.prod(shapes[node.output[0]][2:]))
        elif node.op_type in ("MatMul", "Gemm") and kernel:
            total += int(np.prod(kernel)) * int(np.prod(shapes[node.output[0]][:-1]))
    return total


class _Builder:
    """Nodes and weights in the order they are made."""

    def __init__(self, seed: int) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[TensorProto] = []
        self._rng = np.random.default_rng(seed)

    def backbone(self, x: str, deep: float, wide: float) -> str:
        """Stem and four stages, each half as wide and high as the one before."""
        first = round(64 * wide)
        x = self.conv(x, 3, first // 2, 3, stride=2)
        x = self.conv(x, first // 2, first // 2, 3)
        x = self.conv(x, first // 2, first, 3)
        for inside, outside, blocks, add in STAGES:
            a, b = round(inside * wide), round(outside * wide)
            x = self.conv(x, a, b, 3, stride=2)
            if not add:
                x = self._pyramid(x, b)
            x = self._stage(x, b, max(round(blocks * deep), 1), add)
        return x

    def head(self, x: str, channels: int, joints: int) -> None:
        """Joints as tokens, one gated attention unit, two classifiers."""
        cells = (W // 32) * (H // 32)
        x = self.conv(x, channels, joints, 7, act=False)
        x = self.add("Reshape", x, self.ints(0, joints, cells))
        x = self.linear(self._scale_norm(x, cells), cells, HIDDEN)
        x = self._attention(x)
        self.linear(x, HIDDEN, 2 * W, out="simcc_x")
        self.linear(x, HIDDEN, 2 * H, out="simcc_y")

    def _pyramid(self, x: str, channels: int) -> str:
        """Largest values of windows of 5, 9 and 13."""
        x = self.conv(x, channels, channels // 2, 1)
        pools = [
            self.add("MaxPool", x, kernel_shape=[k, k], pads=[k // 2] * 4, strides=[1, 1]) for k in (5, 9, 13)
        ]
        return self.conv(self.add("Concat", x, *pools, axis=1), 2 * channels, channels, 1)

    def _stage(self, x: str, channels: int, blocks: int, add: bool) -> str:
        half = channels // 2
        short, main = self.conv(x, channels, half, 1), self.conv(x, channels, half, 1)
        for _ in range(blocks):
            y = self.conv(self.conv(main, half, half, 3), half, half, 5, groups=half)
            y = self.conv(y, half, half, 1)
            main = self.add("Add", main, y) if add else y
        both = self.add("Concat", main, short, axis=1)
        gate = self.conv(self.add("GlobalAveragePool", both), channels, channels, 1, act=False)
        both = self.add("Mul", both, self.add("HardSigmoid", gate, alpha=1 / 6, beta=0.5))
        return self.conv(both, channels, channels, 1)

    def _attention(self, x: str) -> str:
        y = self._silu(self.linear(self._scale_norm(x, HIDDEN), HIDDEN, 2 * INNER + KEYS))
        gate, value, base = f"{y}_u", f"{y}_v", f"{y}_k"
        sizes = self.ints(INNER, INNER, KEYS)
        self.nodes.append(helper.make_node("Split", [y, sizes], [gate, value, base], axis=2))
        query = self.add("Mul", base, self.random((KEYS,), 1))
        key = self.add("Transpose", self.add("Mul", base, self.random((KEYS,), 1)), perm=[0, 2, 1])
        scores = self.add("Mul", self.add("MatMul", query, key), self.number(KEYS**-0.5))
        kernel = self.add("Relu", scores)
        mixed = self.add("MatMul", self.add("Mul", kernel, kernel), value)
        out = self.linear(self.add("Mul", gate, mixed), INNER, HIDDEN)
        return self.add("Add", x, out)

    def _scale_norm(self, x: str, width: int) -> str:
        norm = self.add("ReduceL2", x, axes=[2], keepdims=1)
        norm = self.add("Clip", self.add("Mul", norm, self.number(width**-0.5)), self.number(1e-5))
        return self.add("Mul", self.add("Div", x, norm), self.number(1.0))

    def conv(
        self, x: str, inside: int, outside: int, k: int, *, stride: int = 1, groups: int = 1, act: bool = True
    ) -> str:
        """Convolution that keeps the size (but for the stride), with SiLU."""
        each = inside // groups
        weight = self.random((outside, each, k, k), (1.6 / (each * k * k)) ** 0.5)
        out = self.add(
            "Conv", x, weight, self.random((outside,), 0.05), kernel_shape=[k, k], group=groups,
            strides=[stride, stride], pads=[k // 2] * 4,
        )  # fmt: skip
        return self._silu(out) if act else out

    def linear(self, x: str, inside: int, outside: int, out: str = "") -> str:
        """x times a random matrix."""
        return self.add("MatMul", x, self.random((inside, outside), inside**-0.5), out=out)

    def _silu(self, x: str) -> str:
        return self.add("Mul", x, self.add("Sigmoid", x))

    def add(self, kind: str, *inputs: str, out: str = "", **attributes: object) -> str:
        """A node with one output."""
        name = out or f"t{len(self.nodes)}"
        node = helper.make_node(kind, list(inputs), [name], name=f"{kind}_{len(self.nodes)}", **attributes)
        self.nodes.append(node)
        return name

    def random(self, shape: tuple[int, ...], scale: float) -> str:
        """A weight."""
        return self._weight((self._rng.standard_normal(shape) * scale).astype(np.float32))

    def number(self, value: float) -> str:
        """A constant."""
        return self._weight(np.array(value, np.float32))

    def ints(self, *values: int) -> str:
        """A shape."""
        return self._weight(np.array(values, np.int64))

    def _weight(self, values: np.ndarray) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name


def main() -> None:
    """Write one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", choices=sorted(SIZES), default="m")
    args = parser.parse_args()
    data = rtmpose_size(args.size)
    args.out.write_bytes(data)
    print(f"{parameters(data) / 1e6:.2f} M parameters, {multiply_adds(data) / 1e9:.2f} G multiply-adds")


if __name__ == "__main__":
    main()
