"""A data set that the project draws itself: clips with exact masks, from a seed."""

from betrayed.synthetic.film import (
    SyntheticSettings,
    clip_names,
    make_dataset,
    render_clip,
    write_video,
)

__all__ = ["SyntheticSettings", "clip_names", "make_dataset", "render_clip", "write_video"]
