"""Small score files with figures that can be worked out by hand."""

from pathlib import Path

# Video a has two objects, video b one: over the data set objects weigh alike, not videos.
A = """protocol,object,frame,metric,value
davis2017-sequence,1,0,J,1.0
davis2017-sequence,1,0,F,0.7
davis2017-sequence,1,5,J,0.8
davis2017-sequence,1,5,F,0.7
davis2017-sequence,1,,J_mean,0.9
davis2017-sequence,1,,F_mean,0.7
davis2017-sequence,2,,J_mean,0.6
davis2017-sequence,2,,F_mean,0.5
davis2017-sequence,,,J_mean,0.75
davis2017-sequence,,,F_mean,0.6
davis2017-sequence,,,J&F,0.675
davis2016,,0,J,0.8
davis2016,,,J_mean,0.8
davis2016,,,F_mean,0.4
davis2016,,,J&F,0.6
video-object,,0,FG-ARI,-0.1
video-object,,,FG-ARI,-0.1
video-object,,,mIoU,0.4
"""
B = """protocol,object,frame,metric,value
davis2017-sequence,1,,J_mean,0.0
davis2017-sequence,1,,F_mean,0.3
davis2017-sequence,,,J_mean,0.0
davis2017-sequence,,,F_mean,0.3
davis2017-sequence,,,J&F,0.15
davis2016,,,J_mean,0.3333333333333333
davis2016,,,F_mean,0.2
davis2016,,,J&F,0.26666666666666666
video-object,,,FG-ARI,0.2
video-object,,,mIoU,0.3
"""
# What only the data set as a whole has.
WHOLE = """protocol,object,frame,metric,value
youtube-vis,,,AP,0.25
"""
RUNS = {
    "fine": {"seed": 0, "clustering.tau": 0.1, "training.videos": ["bear", "bus"]},
    "default": {"seed": 0, "clustering.tau": 1, "weights.path": None, "training.videos": "x"},
}


def score_sources(folder: Path, texts: dict[str, str], **keys: str | None) -> list[dict]:
    """Write a score file for each video; return the list of them that programs are given."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = {"run": "default", "dataset": "made", "benchmark": None} | keys
    for video, text in texts.items():
        (folder / f"{video}.csv").write_text(text)
    return [keys | {"video": video, "path": str(folder / f"{video}.csv")} for video in texts]


def figure(table, column: str = "value", **keys: str):
    """The one figure with these keys."""
    chosen = table
    for name, key in keys.items():
        chosen = chosen[chosen[name] == key]
    return chosen[column].item()
