"""Work for a GPU that is recorded once and then started as one, as a CUDA graph.

A GPU ends small operations sooner than the processor can start the next, so that it idles; the more
so where threads that decode images and write files keep the processor from it.
"""

import sys
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from betrayed.engine.gpu_memory import release

_WARM_UP = 3  # calls before one is recorded, in which libraries choose their ways


class Recording:
    """A function's work for tensors of one shape, to be done again for others of that shape.

    Whatever the function draws at random is drawn anew each time, from torch's generator of the
    device. What it writes to besides, such as gradients, must stay where it is.

    Args:
        function: works on tensors of one CUDA device, without waiting for it or asking for values.
        given: what it is first called with, a few times.

    Raises:
        torch.OutOfMemoryError: memory does not do for it.
    """

    def __init__(self, function: Callable[..., tuple[Tensor, ...]], *given: Tensor) -> None:
        self._given = [one.clone() for one in given]
        current = torch.cuda.current_stream()
        aside = _stream_aside(current.device)
        aside.wait_stream(current)
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UP):
                function(*self._given)
        current.wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        # Threads that read ahead may ask the GPU for memory meanwhile.
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._found = function(*self._given)

    def __call__(self, *given: Tensor) -> tuple[Tensor, ...]:
        """What the function gives; overwritten by the next call."""
        for place, one in zip(self._given, given, strict=True):
            place.copy_(one)
        self._graph.replay()
        return self._found


@lru_cache
def _stream_aside(device: torch.device) -> torch.cuda.Stream:
    """One for all: libraries keep memory for each stream that they ever saw."""
    return torch.cuda.Stream(device)


class BatchRecorder:
    """A function of a batch that does its items one like the other, recorded for full batches.

    A batch as large as the one before it is the second of its size, and worth recording. Smaller
    ones, such as the last of a video, are filled up.

    Args:
        function: takes (B, …) on a CUDA device and gives a few (B, …); see :class:`Recording`.
    """

    def __init__(self, function: Callable[[Tensor], tuple[Tensor, ...]]) -> None:
        self._function = function
        self._recording: Recording | None = None
        self._shape = torch.Size()  # of what is recorded, or else of the largest batch so far
        self._records = True

    def __call__(self, batch: Tensor) -> tuple[Tensor, ...]:
        """What the function gives for the batch, to keep.

        Raises:
            torch.OutOfMemoryError: memory does not do for the batch.
        """
        if batch.shape[1:] != self._shape[1:] or len(batch) > self._shape[0]:
            self._recording, self._shape = None, batch.shape
            return self._function(batch)
        if self._recording is None and batch.shape == self._shape and self._records:
            self._record(batch)
        if self._recording is None:
            return self._function(batch)
        filled = batch
        if batch.shape != self._shape:
            filled = torch.cat(
                [batch, batch[:1].expand(self._shape[0] - len(batch), *batch.shape[1:])]
            )
        return tuple(one[: len(batch)].clone() for one in self._recording(filled))

    def _record(self, batch: Tensor) -> None:
        """Record it; where that fails, for want of memory or of a way, never again."""
        try:
            self._recording = Recording(self._function, batch)
        except RuntimeError as error:
            self._records = False
            print(
                f"A GPU's work could not be recorded, and is started piece by piece: {error}",
                file=sys.stderr,
            )
        if not self._records:  # not in the handler: its traceback holds on to what was allocated
            release()
