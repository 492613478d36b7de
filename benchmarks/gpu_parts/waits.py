"""What a stage's time goes to: where the caller's thread is, and what the GPU does meanwhile."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from betrayed.block.export import begin_attention
from betrayed.clustering.tracking import begin_tracks
from betrayed.config.clustering import ClusterSettings
from betrayed.config.features import FeatureSettings
from betrayed.features.backbone import Backbone
from betrayed.features.caching import begin_features
from betrayed.io.prefetching import MOST_AHEAD
from gpu_parts.bench import Bench, Rows, in_turn
from gpu_parts.made import block_file, made_video

_EVERY = 0.001  # seconds from one look to the next
_MOST, _LETTERS = 8, 60  # places and operations of a stage that are told, and of their names
_LIBRARY = "betrayed"


def waits(bench: Bench) -> Rows:
    """Looks at the caller's thread and at the GPU, while four videos go through three stages.

    Shares of the GPU are of the same time; what it does may lie beside one another.
    """
    size, rows = bench.size, []
    name, facet, height, width = size.batch
    video = made_video(bench.folder / "watched", size.video_frames, size.frame_size)
    backbone = Backbone(name, None, bench.device, facet)
    settings = FeatureSettings(name, height, width, facet)
    block = block_file(bench.folder / "watched.pt", backbone.dim)

    def path(kind: str, number: int) -> Path:
        return bench.folder / f"{kind}{number}.h5"

    def cache(number: int) -> Callable[[], Any]:
        return begin_features(
            video, settings, backbone, None, path("features", number), ahead=MOST_AHEAD
        )

    def attend(number: int) -> Callable[[], Any]:
        given = path("features", number)
        output = path("attention", number)
        return begin_attention(given, block, output, bench.device, ahead=MOST_AHEAD)

    def cluster(number: int) -> Callable[[], Any]:
        given, output = path("attention", number), path("tracks", number)
        return begin_tracks(
            given, output, ClusterSettings(tau=0.05), bench.device, ahead=MOST_AHEAD
        )

    for stage, begin in {"caching": cache, "export": attend, "clustering": cluster}.items():
        in_turn(begin, range(1))  # to warm up
        step = partial(in_turn, begin, range(4))
        began = time.perf_counter()
        seen = looked_at(lambda step=step: bench.seconds(step))
        took = time.perf_counter() - began
        done: Counter[str] = Counter()
        for what, start, end in bench.work(step):
            done[what[:_LETTERS]] += end - start
        rows += [
            {"stage": stage, "who": "caller", "what": place, "share": count / seen.total()}
            for place, count in seen.most_common(_MOST)
        ]
        rows += [
            {"stage": stage, "who": "GPU", "what": what, "share": spent / 1e9 / took}
            for what, spent in done.most_common(_MOST)
        ]
    return rows, {}


def looked_at(step: Callable[[], Any]) -> Counter[str]:
    """Call ``step``, and count where this thread is, looked at again and again by another one.

    Where is the innermost function of the library, and what it has called: of Python's functions,
    since what runs in C has none.
    """
    watched, ended, seen = threading.get_ident(), threading.Event(), Counter()

    def look() -> None:
        while not ended.wait(_EVERY):
            if frame := sys._current_frames().get(watched):
                seen[_place(frame)] += 1

    looker = threading.Thread(target=look, name="look")
    looker.start()
    try:
        step()
    finally:
        ended.set()
        looker.join()
    return seen


def _place(frame: FrameType) -> str:
    inner, outer = frame, frame
    while outer and not outer.f_globals.get("__name__", "").startswith(_LIBRARY):
        outer = outer.f_back
    if outer is None:
        return _name(inner)
    return _name(outer) + ("" if outer is inner else f" > {_name(inner)}")


def _name(frame: FrameType) -> str:
    module = frame.f_globals.get("__name__", "").rpartition(".")[2]
    return f"{module}.{frame.f_code.co_name}:{frame.f_lineno}"
