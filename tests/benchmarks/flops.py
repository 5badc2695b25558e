"""Floating-point operations of an ONNX graph, counted from the shapes of its tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnx
import onnxruntime

Shape = Sequence[int]


def count(model: bytes, batch: int) -> int:
    """Operations of its convolutions, matrix products and GRUs; a product and its addition are two.

    What goes element by element (activations, pooling, normalisation) is left out.

    Args:
        model: ONNX with one input, whose first dimension is the batch.
        batch: rows of the input.
    """
    proto = onnx.load_from_string(model)
    products = [node for node in proto.graph.node if node.op_type in PRODUCTS]
    shapes = _shapes(proto, batch, {name for node in products for name in (*node.input[:3], node.output[0])})
    return 2 * sum(PRODUCTS[node.op_type](node, shapes) for node in products)


def _shapes(proto: onnx.ModelProto, batch: int, wanted: set[str]) -> dict[str, Shape]:
    """Of all weights, and of some other tensors, by running the graph: not every shape can be inferred."""
    graph = proto.graph
    shapes: dict[str, Shape] = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    (entry,) = graph.input
    kind = entry.type.tensor_type
    dims = (batch, *(dim.dim_value for dim in kind.shape.dim[1:]))
    zeros = np.zeros(dims, dtype=onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))
    shapes[entry.name] = dims
    told = sorted(wanted - shapes.keys())
    del graph.output[:]
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in told)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(told, {entry.name: zeros})
    return shapes | {name: tensor.shape for name, tensor in zip(told, found, strict=True)}


def _convolution(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> int:
    kernel = shapes[node.input[1]]  # [out, in / groups, height, width]
    return math.prod(shapes[node.output[0]]) * math.prod(kernel[1:])


def _matrix_product(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> int:
    transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    inner = shapes[node.input[0]][0 if transposed else -1]
    return math.prod(shapes[node.output[0]]) * inner


def _gru(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> int:
    steps, batch, _ = shapes[node.input[0]]
    weights = math.prod(shapes[node.input[1]]) + math.prod(shapes[node.input[2]])
    return steps * batch * weights  # of all directions and gates


PRODUCTS: Mapping[str, Callable[[onnx.NodeProto, Mapping[str, Shape]], int]] = {
    "Conv": _convolution,
    "Gemm": _matrix_product,
    "MatMul": _matrix_product,
    "GRU": _gru,
}
