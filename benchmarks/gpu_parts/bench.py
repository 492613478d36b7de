"""What the parts share: a device, how large everything is, and how it is timed."""

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from betrayed.config.training import TrainSettings
from betrayed.engine.gpu_memory import release
from betrayed.engine.parallel import cores, overlapped

Rows = tuple[list[dict[str, Any]], dict[str, float | None]]


_NO_KERNELS = ("Memcpy", "Memset")


@dataclass(frozen=True)
class Size:
    """How large everything is."""

    frames: int  # that are cached
    frame_size: tuple[int, int]
    caching: tuple[tuple[str, str, int, int], ...]  # backbone, facet, height, width
    rounds: int
    clip_grid: tuple[int, int]  # of the training step
    steps: int  # in a round
    export_grid: tuple[int, int]
    clustering: tuple[int, int, tuple[int, int]]  # frames, key frames, grid
    partition: tuple[int, int, tuple[int, int]]
    largest: tuple[int, int, tuple[int, int]]
    videos: int
    video_frames: int
    batch: tuple[str, str, int, int]
    training_steps: int


_DINO, _DINOV2 = "vit_small_patch8_224.dino", "vit_small_patch14_dinov2.lvd142m"
_TINY = "vit_tiny_patch16_224.augreg_in21k"

SIZES = {
    "full": Size(
        frames=96,
        frame_size=(480, 854),
        caching=(
            (_DINOV2, "token", 322, 560),
            (_DINOV2, "token", 476, 854),
            (_DINO, "key", 320, 560),
            (_DINO, "key", 480, 856),
        ),
        rounds=3,
        clip_grid=(24, 48),
        steps=10,
        export_grid=(40, 60),
        clustering=(60, 6, (40, 60)),
        partition=(20, 2, (23, 40)),
        largest=(104, 11, (40, 60)),
        videos=32,
        video_frames=36,
        batch=(_DINOV2, "token", 322, 560),
        training_steps=TrainSettings().steps,
    ),
    "tiny": Size(
        frames=5,
        frame_size=(48, 64),
        caching=((_TINY, "key", 32, 48),),
        rounds=1,
        clip_grid=(3, 4),
        steps=1,
        export_grid=(3, 4),
        clustering=(7, 2, (4, 6)),
        partition=(7, 2, (4, 6)),
        largest=(8, 2, (4, 6)),
        videos=2,
        video_frames=9,
        batch=(_TINY, "key", 64, 96),
        training_steps=2,
    ),
}


class Bench:
    """A device, how large everything is, and a folder for what is made.

    Attributes:
        bare: frames a second of bare forward passes that were measured, by (height, width).
    """

    def __init__(self, device: torch.device, size: Size, folder: Path) -> None:
        self.device, self.size, self.folder = device, size, folder
        self.on_gpu = device.type == "cuda"
        self.bare: dict[tuple[int, int], float] = {}

    def machine(self) -> dict[str, Any]:
        """What it is measured on."""
        facts = {"device": "CPU", "cores": cores(), "torch": torch.__version__}
        if self.on_gpu:
            own = torch.cuda.get_device_properties(self.device)
            facts |= {
                "device": own.name,
                "memory": f"{own.total_memory / 1e9:.0f} GB",
                "capability": f"{own.major}.{own.minor}",
                "CUDA": torch.version.cuda,
            }
        return facts

    def seconds(self, step: Callable[[], Any]) -> float:
        """How long a step takes, until its device has ended too."""
        self.wait()
        began = time.perf_counter()
        step()
        self.wait()
        return time.perf_counter() - began

    def wait(self) -> None:
        """Let the device end what it was given."""
        if self.on_gpu:
            torch.cuda.synchronize(self.device)

    def turns(
        self,
        steps: dict[str, Callable[[], Any]],
        made: Sequence[Path] = (),
        rounds: int | None = None,
    ) -> dict[str, list[float]]:
        """Seconds of each step, round by round; as many as the size says after one to warm up.

        The files that a step makes are deleted before the next: to put a new file in an old one's
        place takes longer, and is not what a run does.
        """
        warm_up = rounds is None
        found: list[dict[str, float]] = []
        for _ in range(self.size.rounds + 1 if rounds is None else rounds):
            found.append({})
            for name, step in steps.items():
                for path in made:
                    path.unlink(missing_ok=True)
                found[-1][name] = self.seconds(step)
        return {name: [one[name] for one in found[warm_up:]] for name in steps}

    def peak(self, step: Callable[[], Any]) -> float | None:
        """The most GB that torch has allocated on the GPU while a step runs; None: no GPU."""
        if not self.on_gpu:
            step()
            return None
        release()
        torch.cuda.reset_peak_memory_stats(self.device)
        step()
        self.wait()
        return torch.cuda.max_memory_allocated(self.device) / 1e9

    def busy(self, step: Callable[[], Any]) -> tuple[float, float | None]:
        """Seconds of a step, and the share of them that the GPU computes; None: no GPU.

        It runs twice, see :meth:`computing`.
        """
        seconds = self.seconds(step)
        computing = self.computing(step)
        return seconds, None if computing is None else computing / seconds

    def computing(self, step: Callable[[], Any]) -> float | None:
        """Seconds that the GPU computes during a step; None: no GPU.

        How long the step takes is for another run to tell: torch's profiler, which sees the GPU's
        kernels, makes all else take longer.
        """
        if not self.on_gpu:
            return None
        kernels = [one for one in self.work(step) if not one[0].startswith(_NO_KERNELS)]
        return covered([(start, end) for _, start, end in kernels]) / 1e9

    def work(self, step: Callable[[], Any]) -> list[tuple[str, int, int]]:
        """What the GPU does during a step: name, begin and end in nanoseconds.

        Without a GPU that is nothing, and the step is not run.
        """
        if not self.on_gpu:
            return []
        with profile(activities=[ProfilerActivity.CUDA]) as watched:
            step()
            self.wait()
        return [
            (event.name(), event.start_ns(), event.start_ns() + event.duration_ns())
            for event in watched.profiler.kineto_results.events()
            if event.device_type() == DeviceType.CUDA
        ]


def in_turn(begin: Callable[[Any], Callable[[], Callable[[], Any]]], items: Iterable[Any]) -> None:
    """Let videos go through a stage as a job on a GPU has them.

    One is read while the one before it is computed, whose file reaches the disk meanwhile.
    """
    for _ in overlapped(begin, lambda _, given: given()(), items):
        pass


def covered(intervals: list[tuple[int, int]]) -> int:
    """How much of time lies in at least one interval."""
    total, until = 0, 0
    for start, end in sorted(intervals):
        total += max(0, end - max(start, until))
        until = max(until, end)
    return total


def ratio(times: dict[str, list[float]], slow: str, fast: str) -> float:
    """How many times faster, the median over the rounds."""
    return statistics.median(a / b for a, b in zip(times[slow], times[fast], strict=True))
