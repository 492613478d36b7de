"""The table of a training: what each step's losses were, looked at one step late."""

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from betrayed.errors import UserError
from betrayed.io.files import whole_file
from betrayed.io.prefetching import to_host
from betrayed.training.clips import TrainingVideo, draw_step_clip

COLUMNS = ("step", "loss", "semantic", "motion", "entropy", "learning_rate")


class TrainingLog:
    """Rows of :data:`COLUMNS`, a step each.

    Args:
        settings: the training's.
        videos: what its clips are drawn from.
        rows: those of steps that were made before.

    Attributes:
        rows: of the steps that have been looked at.
    """

    def __init__(
        self, settings: Any, videos: Sequence[TrainingVideo], rows: list[list[float]]
    ) -> None:
        self.rows = rows
        self._settings, self._videos = settings, videos
        self._coming: deque[tuple[Callable[[], list[np.ndarray]], float]] = deque()

    def add(self, losses: Tensor, rate: float) -> None:
        """Take what the next step gave, and look at the one before.

        A GPU then has the next step to compute while this process waits for its figures.

        Args:
            losses: (clips, 4), total, semantic and motion loss, and entropy of each clip.
            rate: the learning rate.

        Raises:
            UserError: the loss of the step before is not finite.
        """
        self._coming.append((to_host([losses]), rate))
        self._look(keep=1)

    def settle(self) -> None:
        """Look at all steps.

        Raises:
            UserError: a loss is not finite.
        """
        self._look(keep=0)

    def last(self) -> str:
        """The last row, for a progress bar; nothing before there is one."""
        return f"loss {self.rows[-1][1]:.3f}, entropy {self.rows[-1][4]:.2f}" if self.rows else ""

    def write(self, path: Path) -> None:
        """Write all rows as CSV."""
        lines = [",".join(COLUMNS)]
        lines += [",".join(f"{value:.9g}" for value in row) for row in self.rows]
        with whole_file(path) as temporary:
            temporary.write_text("\n".join(lines) + "\n")

    def summary(self, first: int, seconds: float, precision: str) -> str:
        """A line for people: the steps from ``first`` on and what they took."""
        done = len(self.rows) - first
        last = dict(zip(COLUMNS, self.rows[-1], strict=True))
        return (
            f"{done} steps in {seconds:.0f} s ({seconds / max(1, done):.2f} s each, precision "
            f"{precision}); at the last: semantic {last['semantic']:.3f}, motion "
            f"{last['motion']:.3f}, entropy {last['entropy']:.2f} nats."
        )

    def _look(self, keep: int) -> None:
        while len(self._coming) > keep:
            fetch, rate = self._coming.popleft()
            (losses,) = fetch()
            step = len(self.rows)
            if (wrong := np.flatnonzero(~np.isfinite(losses[:, 0]))).size:
                self._refuse(step, int(wrong[0]), losses[wrong[0], 0])
            means = losses.astype(np.float64).mean(axis=0)
            self.rows.append([step + 1, *means.tolist(), rate])

    def _refuse(self, step: int, number: int, loss: float) -> None:
        video = draw_step_clip(step, number, self._videos, self._settings).clip.video
        raise UserError(
            f"The loss is {loss} at step {step + 1} (on {video.path}). Lower "
            f"training.learning_rate (now {self._settings.learning_rate:g}), or raise "
            f"training.warmup_steps (now {self._settings.warmup_steps})."
        )
