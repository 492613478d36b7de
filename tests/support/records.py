"""Records of batches for programs that tests start by themselves."""

from pathlib import Path

from betrayed.engine.records import Made, Record


def record_of(path, artefacts):
    """Write a record of one batch: ``artefacts`` are paths by video."""
    videos = {
        video: Made(str(artefact), Path(artefact).stat().st_size, f"key of {video}")
        for video, artefact in artefacts.items()
    }
    Record("tests", videos).write(path)
    return path
