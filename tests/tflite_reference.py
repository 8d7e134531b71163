"""TensorFlow Lite's reference kernels in a process of their own.

Where TensorFlow is loaded first, tflite-runtime calls some of TensorFlow's kernels in place of its own (its
FULLY_CONNECTED then rounds once, not twice), so the two must not meet in one process.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray


def run_reference(model: bytes, features: NDArray[np.int8]) -> list[NDArray[np.int8]]:
    """Outputs of a model for one input; the input's shape in the model may have leading axes of 1."""
    from tflite_runtime.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    (source,) = interpreter.get_input_details()
    interpreter.set_tensor(source["index"], features.reshape(source["shape"]))
    interpreter.invoke()
    return [np.array(interpreter.get_tensor(output["index"])) for output in interpreter.get_output_details()]


class Reference:
    """Calls :func:`run_reference` in the other process."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def __call__(self, model: bytes, features: NDArray[np.int8]) -> list[NDArray[np.int8]]:
        return self._pool.submit(run_reference, model, features).result()


@contextmanager
def reference_kernels() -> Iterator[Reference]:
    """A running reference interpreter."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield Reference(pool)
