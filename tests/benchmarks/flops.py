"""Floating-point operations of an ONNX graph, counted from the shapes of its tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import onnx

Shape = Sequence[int]


def count(model: bytes, batch: int) -> int:
    """Operations of its convolutions, matrix products and GRUs; a product and its addition are two.

    What goes element by element (activations, pooling, normalisation) is left out.

    Args:
        model: ONNX with one input, whose first dimension is the batch.
        batch: rows of the input.

    Raises:
        ValueError: a shape that is needed cannot be inferred.
    """
    proto = onnx.load_from_string(model)
    graph = proto.graph
    graph.input[0].type.tensor_type.shape.dim[0].dim_value = batch
    del graph.value_info[:]  # inferred for any batch
    inferred = onnx.shape_inference.infer_shapes(proto, data_prop=True).graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*inferred.input, *inferred.value_info, *inferred.output):
        shapes[value.name] = tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
    return 2 * sum(PRODUCTS[node.op_type](node, shapes) for node in graph.node if node.op_type in PRODUCTS)


def _convolution(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> int:
    kernel = _shape(node.input[1], shapes)  # [out, in / groups, height, width]
    return math.prod(_shape(node.output[0], shapes)) * math.prod(kernel[1:])


def _matrix_product(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> int:
    transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    inner = _shape(node.input[0], shapes)[0 if transposed else -1]
    return math.prod(_shape(node.output[0], shapes)) * inner


def _gru(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> int:
    steps, batch, _ = _shape(node.input[0], shapes)
    weights = math.prod(_shape(node.input[1], shapes)) + math.prod(_shape(node.input[2], shapes))
    return steps * batch * weights  # of all directions and gates


def _shape(name: str, shapes: Mapping[str, Shape]) -> Shape:
    if name not in shapes or not all(shapes[name]):
        raise ValueError(f"the shape of {name} is not known")
    return shapes[name]


PRODUCTS: Mapping[str, Callable[[onnx.NodeProto, Mapping[str, Shape]], int]] = {
    "Conv": _convolution,
    "Gemm": _matrix_product,
    "MatMul": _matrix_product,
    "GRU": _gru,
}
