"""TensorFlow Lite's reference kernels in a process of their own.

Where TensorFlow is loaded first, tflite-runtime calls some of TensorFlow's kernels in place of its own (its
FULLY_CONNECTED then rounds once, not twice), so the two must not meet in one process.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray


def run_reference(model: bytes, features: NDArray[Any]) -> list[NDArray[Any]]:
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

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def __call__(self, model: bytes, features: NDArray[Any]) -> list[NDArray[Any]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        pickle.dump((model, features), self._process.stdin)
        self._process.stdin.flush()
        answer: Any = pickle.load(self._process.stdout)
        if isinstance(answer, str):
            raise RuntimeError(answer)
        outputs: list[NDArray[Any]] = answer
        return outputs


@contextmanager
def reference_kernels() -> Iterator[Reference]:
    """A running reference interpreter."""
    with subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Reference(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()


def _serve() -> None:
    while True:
        try:
            model, features = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer: Any = run_reference(model, features)
        except (RuntimeError, ValueError) as error:
            answer = str(error)
        pickle.dump(answer, sys.stdout.buffer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _serve()
