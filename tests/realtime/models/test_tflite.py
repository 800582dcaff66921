"""TFLite files, written here byte by byte, against plain numpy references."""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifting.errors import ModelError
from lifting.runtime import open_network
from realtime.models.convert import tflite

ADD, CONCAT, CONV, DEPTHWISE, DEPTH_TO_SPACE, DEQUANTIZE = 0, 2, 3, 4, 5, 6
LOGISTIC, MAX_POOL, RESHAPE, RESIZE, PAD, DENSIFY = 14, 17, 22, 23, 34, 124
SAME, VALID = ("<b", 0), ("<b", 1)
RELU6 = ("<b", 3)
RNG = np.random.default_rng(0)


def write_table(out: bytearray, fields: dict[int, Any]) -> int:
    """Append a FlatBuffers table: its vtable, itself with four bytes a field, then what it points at."""
    count = max(fields, default=-1) + 1
    vtable = len(out)
    offsets = [4 + 4 * i if i in fields else 0 for i in range(count)]
    out += struct.pack(f"<HH{count}H", 4 + 2 * count, 4 + 4 * count, *offsets)
    out += b"\0" * (-len(out) % 4)
    start = len(out)
    out += struct.pack("<i", start - vtable) + b"\0" * (4 * count)
    for slot, value in fields.items():
        at = start + 4 + 4 * slot
        if isinstance(value, tuple):
            struct.pack_into(value[0], out, at, value[1])
        else:
            child = write_child(out, value)
            struct.pack_into("<I", out, at, child - at)
    return start


def write_child(out: bytearray, value: Any) -> int:
    """Append a table (dict), a vector of tables (list) or a vector of numbers (array)."""
    if isinstance(value, dict):
        return write_table(out, value)
    out += b"\0" * (-len(out) % 4)
    start = len(out)
    if isinstance(value, np.ndarray):
        out += struct.pack("<I", value.size) + value.tobytes()
        out += b"\0" * (-len(out) % 4)
        return start
    out += struct.pack("<I", len(value)) + b"\0" * (4 * len(value))
    for i, row in enumerate(value):
        at = start + 4 + 4 * i
        struct.pack_into("<I", out, at, write_table(out, row) - at)
    return start


class Net:
    """A TFLite file under construction, with one input, number 0."""

    def __init__(self, *shape: int) -> None:
        self.buffers: list[dict[int, Any]] = [{}]
        self.tensors: list[dict[int, Any]] = []
        self.codes: list[int] = []
        self.operators: list[dict[int, Any]] = []
        self.tensor(shape)

    def tensor(self, shape: tuple[int, ...], kind: int = 0) -> int:
        """A tensor that is computed."""
        self.tensors.append({0: np.array(shape, "<i4"), 1: ("<b", kind), 2: ("<I", 0)})
        return len(self.tensors) - 1

    def constant(self, values: np.ndarray, sparsity: dict[int, Any] | None = None, shape: Any = None) -> int:
        """A tensor with values."""
        kind = {"f4": 0, "f2": 1, "i4": 2}[values.dtype.str[1:]]
        number = self.tensor(values.shape if shape is None else shape, kind)
        self.tensors[number][2] = ("<I", len(self.buffers))
        if sparsity is not None:
            self.tensors[number][6] = sparsity
        self.buffers.append({0: np.frombuffer(values.tobytes(), np.uint8)})
        return number

    def op(
        self, code: int, inputs: list[int], shape: tuple[int, ...], options: Any = None, kind: int = 0
    ) -> int:
        """An operator with one output."""
        out = self.tensor(shape, kind)
        self.codes.append(code)
        row: dict[int, Any] = {
            0: ("<I", len(self.codes) - 1),
            1: np.array(inputs, "<i4"),
            2: np.array([out], "<i4"),
        }
        if options is not None:
            row[4] = options
        self.operators.append(row)
        return out

    def file(self, *outputs: int) -> bytes:
        """The bytes."""
        graph = {
            0: self.tensors,
            1: np.array([0], "<i4"),
            2: np.array(outputs, "<i4"),
            3: self.operators,
        }
        codes = [{0: ("<b", min(c, 127)), 3: ("<i", c)} for c in self.codes]
        out = bytearray(8)
        root = write_table(out, {0: ("<I", 3), 1: codes, 2: [graph], 4: self.buffers})
        struct.pack_into("<I4s", out, 0, root, b"TFL3")
        return bytes(out)

    def run(self, tmp_path: Path, x: np.ndarray, output: int, **options: Any) -> np.ndarray:
        """Convert and run."""
        path = tmp_path / "net.onnx"
        path.write_bytes(tflite.convert(self.file(output), "net", {0: "out"}, **options))
        return open_network(path)(image=x)["out"]


def conv_options(padding: Any, stride: int, activation: Any = ("<b", 0)) -> dict[int, Any]:
    """Conv2DOptions."""
    return {0: padding, 1: ("<i", stride), 2: ("<i", stride), 3: activation}


def conv_reference(x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int, *, same: bool) -> np.ndarray:
    """Convolution of (1,H,W,C) with (O,kh,kw,C), in loops, with TensorFlow's rule for SAME."""
    kernel = w.shape[1:3]
    if same:
        total = [
            max((-(-n // stride) - 1) * stride + k - n, 0) for n, k in zip(x.shape[1:3], kernel, strict=True)
        ]
        x = np.pad(x, [(0, 0), *((t // 2, t - t // 2) for t in total), (0, 0)])
    rows, columns = ((n - k) // stride + 1 for n, k in zip(x.shape[1:3], kernel, strict=True))
    out = np.zeros((1, rows, columns, len(w)), np.float32)
    for r in range(rows):
        for c in range(columns):
            patch = x[0, r * stride : r * stride + kernel[0], c * stride : c * stride + kernel[1]]
            out[0, r, c] = (w * patch).sum((1, 2, 3)) + b
    return out


def floats(*shape: int) -> np.ndarray:
    """Random numbers."""
    return RNG.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(("size", "kernel", "stride", "same"), [
    ((7, 6), 3, 1, True),
    ((7, 6), 3, 2, True),    # the odd zero goes below and right
    ((8, 8), 3, 2, True),
    ((9, 5), 5, 3, False),
    ((4, 4), 1, 2, True),    # a kernel smaller than its stride
])  # fmt: skip
def test_convolution_and_relu6(
    tmp_path: Path, size: tuple[int, int], kernel: int, stride: int, same: bool
) -> None:
    """A convolution gives what the loops give, cut to 0..6."""
    x, w, b = floats(1, *size, 3), floats(4, kernel, kernel, 3) * 3, floats(4)
    want = conv_reference(x, w, b, stride, same=same).clip(0, 6)
    net = Net(*x.shape)
    options = conv_options(SAME if same else VALID, stride, RELU6)
    out = net.op(CONV, [0, net.constant(w), net.constant(b)], want.shape, options)
    np.testing.assert_allclose(net.run(tmp_path, x, out), want, atol=1e-5)
    planar = net.run(tmp_path, x, out, planar=("out",))
    np.testing.assert_allclose(planar.transpose(0, 2, 3, 1), want, atol=1e-5)


def test_depthwise_convolution_with_pending_zeros_and_half_precision(tmp_path: Path) -> None:
    """PAD before a VALID convolution becomes its padding; float16 weights are widened."""
    x, w, b = floats(1, 6, 6, 4), floats(1, 3, 3, 4).astype(np.float16), floats(4)
    dense = np.zeros((4, 3, 3, 4), np.float32)
    for c in range(4):
        dense[c, :, :, c] = w[0, :, :, c]
    padded = np.pad(x, [(0, 0), (1, 0), (2, 1), (0, 0)])
    want = conv_reference(padded, dense, b, 2, same=False)
    net = Net(*x.shape)
    margin = np.array([[0, 0], [1, 0], [2, 1], [0, 0]], "<i4")
    pad = net.op(PAD, [0, net.constant(margin)], padded.shape)
    wide = net.op(DEQUANTIZE, [net.constant(w)], w.shape)
    options = {0: VALID, 1: ("<i", 2), 2: ("<i", 2), 3: ("<i", 1)}
    out = net.op(DEPTHWISE, [pad, wide, net.constant(b)], want.shape, options)
    np.testing.assert_allclose(net.run(tmp_path, x, out), want, atol=1e-4)


@pytest.mark.parametrize("index", ["<i4", "<u2", "|u1"])
def test_sparse_weights(tmp_path: Path, index: str) -> None:
    """A compressed last axis is unfolded, whatever the type of its indices."""
    w = floats(5, 1, 1, 6) * (RNG.random((5, 1, 1, 6)) < 0.4)
    w = w.astype(np.float32)
    rows, columns = np.nonzero(w[:, 0, 0])
    ends = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=5))])
    kind = {"<i4": 1, "<u2": 2, "|u1": 3}[index]
    axes = [{0: ("<b", 0), 1: ("<i", n)} for n in (5, 1, 1)]
    last = {0: ("<b", 1), 2: ("<B", kind), 3: {0: ends.astype(index)}}
    last |= {4: ("<B", kind), 5: {0: columns.astype(index)}}
    x, net = floats(1, 3, 3, 6), Net(1, 3, 3, 6)
    sparsity = {0: np.arange(4, dtype="<i4"), 2: [*axes, last]}
    dense = net.op(DENSIFY, [net.constant(w[rows, 0, 0, columns], sparsity, w.shape)], w.shape)
    out = net.op(CONV, [0, dense], (1, 3, 3, 5), conv_options(SAME, 1))
    want = conv_reference(x, w, np.zeros(5, np.float32), 1, same=True)
    np.testing.assert_allclose(net.run(tmp_path, x, out), want, atol=1e-5)


def test_residual_block_with_more_channels(tmp_path: Path) -> None:
    """MAX_POOL, PAD of channels, a sum and RELU6 after it, as BlazePose has them."""
    x = floats(1, 4, 6, 3) * 5
    pooled = x.reshape(1, 2, 2, 3, 2, 3).max((2, 4))
    w = floats(5, 1, 1, 3)
    side = conv_reference(pooled, w, np.zeros(5, np.float32), 1, same=False)
    want = (np.pad(pooled, [(0, 0), (0, 0), (0, 0), (0, 2)]) + side).clip(0, 6)
    net = Net(*x.shape)
    two = ("<i", 2)
    pool = net.op(MAX_POOL, [0], pooled.shape, {0: VALID, 1: two, 2: two, 3: two, 4: two})
    margin = np.array([[0, 0], [0, 0], [0, 0], [0, 2]], "<i4")
    wider = net.op(PAD, [pool, net.constant(margin)], want.shape)
    branch = net.op(CONV, [pool, net.constant(w)], want.shape, conv_options(VALID, 1))
    out = net.op(ADD, [wider, branch], want.shape, {0: RELU6})
    np.testing.assert_allclose(net.run(tmp_path, x, out), want, atol=1e-5)


def test_resize_doubles_with_half_pixel_centres(tmp_path: Path) -> None:
    """Between two pixels the weights are 3:1, at the border the pixel repeats."""
    x, net = floats(1, 3, 1, 2), Net(1, 3, 1, 2)
    out = net.op(RESIZE, [0, net.constant(np.array([6, 1], "<i4"))], (1, 6, 1, 2), {3: ("<?", True)})
    a, b, c = x[0, :, 0]
    want = np.stack([a, (3 * a + b) / 4, (a + 3 * b) / 4, (3 * b + c) / 4, (b + 3 * c) / 4, c])
    np.testing.assert_allclose(net.run(tmp_path, x, out)[0, :, 0], want, atol=1e-6)


def test_reshape_concatenation_and_sigmoid_keep_the_order(tmp_path: Path) -> None:
    """Pictures flatten row by row, channels last, whatever the layout inside is."""
    x = floats(1, 2, 3, 4)
    want = np.concatenate([x.reshape(1, 6, 4), (1 / (1 + np.exp(-x))).reshape(1, 6, 4)], axis=1)
    net = Net(*x.shape)
    identity = net.constant(np.eye(4, dtype=np.float32).reshape(4, 1, 1, 4))
    same = net.op(CONV, [0, identity], x.shape, conv_options(VALID, 1))
    flat = net.op(RESHAPE, [same], (1, 6, 4))
    sigmoid = net.op(RESHAPE, [net.op(LOGISTIC, [same], x.shape)], (1, 6, 4))
    out = net.op(CONCAT, [flat, sigmoid], want.shape, {0: ("<i", 1)})
    np.testing.assert_allclose(net.run(tmp_path, x, out), want, atol=1e-6)


def test_depth_to_space(tmp_path: Path) -> None:
    """Channels become blocks, rows first."""
    x, net = floats(1, 2, 3, 8), Net(1, 2, 3, 8)
    out = net.op(DEPTH_TO_SPACE, [0], (1, 4, 6, 2), {0: ("<i", 2)})
    want = x.reshape(1, 2, 3, 2, 2, 2).transpose(0, 1, 3, 2, 4, 5).reshape(1, 4, 6, 2)
    np.testing.assert_array_equal(net.run(tmp_path, x, out), want)


def small_file() -> bytes:
    """A file with most of the reader's paths in it."""
    net = Net(1, 4, 4, 2)
    weight = net.op(DEQUANTIZE, [net.constant(np.ones((3, 3, 3, 2), np.float16))], (3, 3, 3, 2))
    margin = net.constant(np.array([[0, 0], [1, 1], [1, 1], [0, 0]], "<i4"))
    pad = net.op(PAD, [0, margin], (1, 6, 6, 2))
    conv = net.op(CONV, [pad, weight, net.constant(floats(3))], (1, 4, 4, 3), conv_options(VALID, 1, RELU6))
    total = net.op(ADD, [conv, conv], (1, 4, 4, 3), {0: RELU6})
    return net.file(net.op(RESHAPE, [total], (1, 48)))


SMALL = small_file()


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), max_size=6), st.data())
def test_damaged_files_raise_nothing_but_model_error(
    changes: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Bytes changed anywhere, and the end cut off: a network or a ModelError comes out."""
    damaged = bytearray(SMALL)
    for place, value in changes:
        damaged[place] = value
    length = data.draw(st.one_of(st.just(len(SMALL)), st.integers(0, len(SMALL))))
    with contextlib.suppress(ModelError):
        assert tflite.convert(bytes(damaged[:length]), "net", {0: "out"})


def test_an_unknown_operator_is_named() -> None:
    """The message says which operator is missing and which exist."""
    net = Net(1, 2)
    with pytest.raises(ModelError, match=r"operator number 25 .*CONV_2D"):
        tflite.convert(net.file(net.op(25, [0], (1, 2))), "net", {0: "out"})


def test_what_no_output_needs_is_left_out(tmp_path: Path) -> None:
    """A branch to an output that was not asked for costs nothing."""
    net = Net(1, 4, 4, 2)
    wanted = net.op(LOGISTIC, [0], (1, 4, 4, 2))
    other = net.op(CONV, [0, net.constant(floats(900, 3, 3, 2))], (1, 4, 4, 900), conv_options(SAME, 1))
    both = tflite.convert(net.file(wanted, other), "net", {0: "a", 1: "b"})
    one = tflite.convert(net.file(wanted, other), "net", {0: "a"})
    assert len(one) < 1000 < 60000 < len(both)
