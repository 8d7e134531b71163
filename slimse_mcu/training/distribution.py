"""Training by several processes: TensorFlow's multi-worker strategy, set up by the variable ``TF_CONFIG``.

Every worker computes its slice of the same batches, and the result is that of one process but for rounding: batch norm
takes its statistics over all slices, gradients are added up before their norm is clipped, guidance sees the shares of
open gates of all clips, and a layer that draws noise draws it for the whole batch and keeps its slice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any, Protocol

import keras

from slimse_mcu.errors import SlimseError
from slimse_mcu.training.accelerate import training_twin
from slimse_mcu.training.batches import Batches
from slimse_mcu.training.gated_work import Weights
from slimse_mcu.training.quantization_aware import Rounding
from slimse_mcu.training.task import EnhancementTask

_VARIABLE = "TF_CONFIG"
_AHEAD = 4


class Workers(Protocol):
    """Who trains.

    Attributes:
        count: Number of slices that a batch is cut into.
        chief: Whether this process writes files and tells about progress.
        compiles: Whether XLA can compile a step.
    """

    count: int
    chief: bool
    compiles: bool

    def scope(self) -> AbstractContextManager[Any]:
        """In which what is trained has to be made."""
        ...

    def twin(self, model: keras.Model, rounding: Rounding | None = None) -> keras.Model:
        """A copy of a model to train; ``rounding`` puts int8's into it."""
        ...

    def task(
        self, network: keras.Model, guidance: Any, weights: Weights | None, loss: Mapping[str, Any]
    ) -> EnhancementTask:
        """The task that trains a twin."""
        ...

    def optimizer(self, **options: Any) -> keras.optimizers.Optimizer:
        """AdamW."""
        ...

    def fit(self, task: EnhancementTask, batches: Batches, callback: keras.callbacks.Callback) -> None:
        """Train on batches."""
        ...

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process; all have to ask at the same time."""
        ...


class Alone:
    """One process."""

    count, chief, compiles = 1, True, True

    def scope(self) -> AbstractContextManager[Any]:
        """Nothing special."""
        return nullcontext()

    def twin(self, model: keras.Model, rounding: Rounding | None = None) -> keras.Model:
        """See :func:`training_twin`."""
        return training_twin(model) if rounding is None else training_twin(model, rounding.replace, rounding.behind)

    def task(
        self, network: keras.Model, guidance: Any, weights: Weights | None, loss: Mapping[str, Any]
    ) -> EnhancementTask:
        """The plain task, or one that counts its steps itself where Keras hides the optimizer's count."""
        kind = EnhancementTask if keras.backend.backend() == "tensorflow" else _CountingTask
        return kind(network, guidance, weights, **loss)

    def optimizer(self, **options: Any) -> keras.optimizers.Optimizer:
        """The plain optimizer."""
        return keras.optimizers.AdamW(**options)

    def fit(self, task: EnhancementTask, batches: Batches, callback: keras.callbacks.Callback) -> None:
        """Keras's ``fit``."""
        task.fit(batches, verbose=0, shuffle=False, callbacks=[callback])

    def any(self, flag: bool) -> bool:
        """The flag."""
        return flag


class Cluster:
    """Processes that find each other by ``TF_CONFIG``; must be made before TensorFlow computes anything.

    Args:
        index: Number of this worker.
        count: Number of workers.
    """

    compiles = False

    def __init__(self, index: int, count: int) -> None:
        import tensorflow as tf

        self.index = index
        self.chief = index == 0
        self._tf = tf
        try:
            self._strategy = tf.distribute.MultiWorkerMirroredStrategy()
        except (RuntimeError, ValueError, tf.errors.OpError) as error:
            raise SlimseError(f"{_VARIABLE} set up no cluster: {error}", hint="Correct its addresses.") from error
        self.count = int(self._strategy.num_replicas_in_sync)
        self._local = self.count // count

        @tf.function
        def sum_of_all(value: Any) -> Any:
            per_replica = self._strategy.run(lambda one: one, args=(value,))
            return self._strategy.reduce(tf.distribute.ReduceOp.SUM, per_replica, axis=None)

        self._sum = sum_of_all

    def scope(self) -> AbstractContextManager[Any]:
        """The strategy's scope."""
        scope: AbstractContextManager[Any] = self._strategy.scope()
        return scope

    def twin(self, model: keras.Model, rounding: Rounding | None = None) -> keras.Model:
        """The same network with statistics over all slices and noise for the whole batch."""
        if rounding is not None:
            raise SlimseError("Several workers cannot train with rounding.", hint="Leave out [quantization_aware].")
        return training_twin(model, _on_whole_batch)

    def task(
        self, network: keras.Model, guidance: Any, weights: Weights | None, loss: Mapping[str, Any]
    ) -> EnhancementTask:
        """A task whose losses are those of the whole batch."""
        return _SlicedTask(network, guidance, weights, **loss)

    def optimizer(self, **options: Any) -> keras.optimizers.Optimizer:
        """AdamW that clips the norm of the sum of all gradients."""
        return _SummingAdamW(**options, name="adamw")

    def fit(self, task: EnhancementTask, batches: Batches, callback: keras.callbacks.Callback) -> None:
        """Keras's ``fit``, on this worker's slices."""
        slices = [self.index * self._local + part for part in range(self._local)]

        def generate() -> Iterator[Any]:
            for number in range(len(batches)):
                for part in slices:
                    yield batches.slice(number, part, self.count)

        def dataset(context: Any) -> Any:
            example = batches.slice(0, 0, self.count)
            signature = self._tf.nest.map_structure(
                lambda one: self._tf.TensorSpec((None, *one.shape[1:]), one.dtype), example
            )
            made = self._tf.data.Dataset.from_generator(generate, output_signature=signature)
            return made.prefetch(_AHEAD)

        distributed = self._strategy.distribute_datasets_from_function(dataset)
        task.fit(distributed, steps_per_epoch=len(batches), verbose=0, shuffle=False, callbacks=[callback])

    def any(self, flag: bool) -> bool:
        """Sum of all workers' flags."""
        return bool(float(self._sum(self._tf.constant(1.0 if flag else 0.0))) > 0.0)


def workers() -> Workers:
    """Who trains, by ``TF_CONFIG``.

    Raises:
        SlimseError: The variable is no description of a cluster, or Keras runs on another backend than TensorFlow.
    """
    text = os.environ.get(_VARIABLE, "").strip()
    if not text:
        return Alone()
    index, count = _read_cluster(text)
    if count == 1:
        return Alone()
    if keras.backend.backend() != "tensorflow":
        raise SlimseError(
            f"{_VARIABLE} is set, and Keras runs on {keras.backend.backend()}.",
            hint="Several workers need KERAS_BACKEND=tensorflow.",
        )
    return _cluster(index, count)


@cache
def _cluster(index: int, count: int) -> Cluster:
    """The one cluster that a process can be in."""
    return Cluster(index, count)


def _read_cluster(text: str) -> tuple[int, int]:
    """Number of this worker, and of all."""
    hint = 'Expected {"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}.'
    try:
        config = json.loads(text)
        addresses = config["cluster"]["worker"]
        kind, index = config["task"]["type"], config["task"]["index"]
        index = int(index)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise SlimseError(f"{_VARIABLE} describes no cluster of workers.", hint=hint) from error
    if set(config["cluster"]) != {"worker"} or kind != "worker":
        raise SlimseError(f"{_VARIABLE} names tasks that are no workers.", hint=hint)
    if not isinstance(addresses, list) or not all(isinstance(one, str) and ":" in one for one in addresses):
        raise SlimseError(f"{_VARIABLE} has addresses that are not host:port.", hint=hint)
    if not 0 <= index < len(addresses):
        raise SlimseError(f"{_VARIABLE}: worker {index} is none of {len(addresses)}.", hint=hint)
    return index, len(addresses)


class _CountingTask(EnhancementTask):
    """Counts steps in a variable of its own: with JAX the optimizer's cannot be read while a step is computed."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.steps = self.add_weight(name="steps", shape=(), dtype="int32", initializer="zeros", trainable=False)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The loss at this step."""
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        if training:
            self.steps.assign_add(1)
        return loss

    def _step(self) -> Any:
        return keras.ops.cast(self.steps, "float32")


class _SlicedTask(EnhancementTask):
    """Sees a slice of each batch; losses and their gradients are those of the whole batch."""

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The loss of a slice, divided by the number of slices, as sums of gradients need it."""
        whole = {**y_pred, "share": _gathered(y_pred["share"])}
        everything = {key: _gathered(value) for key, value in x.items()}
        loss = super().compute_loss(everything, y, whole, sample_weight, training)
        return loss / _replica().num_replicas_in_sync

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Each with an axis, over which Keras averages what the workers have."""
        results = super().compute_metrics(x, y, y_pred, sample_weight)
        return {name: keras.ops.reshape(value, (1,)) for name, value in results.items()}

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Nothing is left to build, and Keras 3.15 would take a batch of several inputs for one tensor."""


class _SummingAdamW(keras.optimizers.AdamW):
    """Adds gradients up before their norm is clipped, which Keras's own does afterwards."""

    def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
        """Take gradients of the slices."""
        import tensorflow as tf

        summed = _replica().all_reduce(tf.distribute.ReduceOp.SUM, list(grads))
        return super().apply(summed, trainable_variables)

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
        return grads_and_vars


class _WholeBatch:
    """Mixin: in training a layer runs on the whole batch, so that noise is drawn as one process would draw it."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        """This slice of what the layer gives for the whole batch."""
        if not training or _replica() is None:
            return super().call(inputs, training=training)  # type: ignore[misc]
        size = keras.ops.shape(inputs)[0]
        outputs = super().call(_gathered(inputs), training=training)  # type: ignore[misc]
        begin = _replica().replica_id_in_sync_group * size
        return outputs[begin : begin + size]


def _on_whole_batch(layer: keras.layers.Layer) -> keras.layers.Layer | None:
    """A stand-in for layers whose result depends on the other slices; None for all others."""
    config = layer.get_config()
    if isinstance(layer, keras.layers.BatchNormalization):
        return keras.layers.BatchNormalization.from_config({**config, "synchronized": True})
    if getattr(layer, "seed_generator", None) is None:
        return None
    kind = type(layer)
    return type(f"WholeBatch{kind.__name__}", (_WholeBatch, kind), {}).from_config(config)  # type: ignore[attr-defined]


def _replica() -> Any:
    """The replica that is computed just now; None outside of all."""
    import tensorflow as tf

    return tf.distribute.get_replica_context() if tf.distribute.has_strategy() else None


def _gathered(x: Any) -> Any:
    """The slices of all workers, one behind the other.

    A sum of slices in their places: TensorFlow 2.20 has no other gathering between workers inside of a traced step.
    """
    import tensorflow as tf

    replica = _replica()
    place = tf.one_hot(replica.replica_id_in_sync_group, replica.num_replicas_in_sync, dtype=x.dtype)
    placed = tf.reshape(place, (-1, *(1 for _ in x.shape))) * x[None]
    return tf.reshape(replica.all_reduce(tf.distribute.ReduceOp.SUM, placed), (-1, *x.shape[1:]))
