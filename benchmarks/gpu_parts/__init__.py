"""What gpu.py measures, part by part; torch is imported here."""

from collections.abc import Callable
from functools import partial

from gpu_parts.bench import Bench, Rows
from gpu_parts.clusters import clustering, largest, partition
from gpu_parts.features import caching, decoding
from gpu_parts.short_videos import batch
from gpu_parts.training import export, reading, training
from gpu_parts.waits import waits


def parts(bench: Bench) -> dict[str, Callable[[], Rows]]:
    """What there is to measure, in order."""
    every = (
        caching,
        decoding,
        training,
        reading,
        export,
        clustering,
        partition,
        largest,
        waits,
        batch,
    )
    return {part.__name__: partial(part, bench) for part in every}
