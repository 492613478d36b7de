"""Samples for FiftyOne, and its script, which runs where FiftyOne is installed.

FiftyOne wants other versions than the locked ones: what needs it runs in an environment of its own
and is skipped elsewhere; docs/exports.md says what was seen.
"""

import json
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

from betrayed.exports.fiftyone_samples import export_fiftyone
from betrayed.exports.videos import numbers_in
from support.masked_videos import LEVELS, at


@pytest.mark.parametrize("level", LEVELS)
def test_fiftyones_samples_say_where_frames_and_masks_lie(tmp_path, made, level):
    out = tmp_path / "deep" / "out"
    export_fiftyone(at(made, level), out, workers=2)
    content = json.loads((out / "samples.json").read_text())
    assert [one["video"] for one in content["videos"]] == ["clip-a", "clip-b"]
    for one, told in zip(made, content["videos"], strict=True):
        for index, frame in enumerate(told["frames"]):
            image = np.array(Image.open(out / frame["image"]))
            np.testing.assert_array_equal(image, one.frames[index])
            ids = np.array(Image.open(out / frame["mask"]))
            np.testing.assert_array_equal(ids, one.levels[level][index])
            assert set(numbers_in(ids)) <= {int(number) for number in told["scores"]}
    compile((out / "make_dataset.py").read_text(), "make_dataset.py", "exec")


@pytest.mark.slow
def test_the_script_makes_a_dataset_by_fiftyone(tmp_path, made, monkeypatch):
    if not find_spec("fiftyone"):  # it runs in processes of its own
        pytest.skip("FiftyOne is not installed")
    export_fiftyone(at(made, "objects"), tmp_path / "out")
    # A database of its own, which goes with the test.
    monkeypatch.setenv("FIFTYONE_DATABASE_DIR", str(tmp_path / "database"))
    monkeypatch.setenv("FIFTYONE_DATABASE_VALIDATION", "false")
    monkeypatch.setenv("FIFTYONE_DO_NOT_TRACK", "true")
    check = tmp_path / "check.py"
    check.write_text(
        "import json, sys\n"
        "import fiftyone as fo, numpy as np\n"
        "view = fo.load_dataset('masks')\n"
        "assert len(view.load_saved_view('videos')) == 2\n"
        "for sample in view:\n"
        "    ids = np.zeros((33, 47), int)\n"
        "    for one in sample.objects.detections:\n"
        "        image = one.to_segmentation(frame_size=(47, 33), target=one.index).mask\n"
        "        ids[image > 0] = one.index\n"
        "    np.save(f'{sys.argv[1]}/{sample.video}-{sample.frame_number - 1}.npy', ids)\n"
    )
    run = [sys.executable, str(tmp_path / "out" / "make_dataset.py"), "--name", "masks"]
    told = subprocess.run(run, check=True, capture_output=True, text=True).stdout
    assert "masks: 7 frames of 2 videos" in told
    again = subprocess.run(run, capture_output=True, text=True)
    assert again.returncode == 2 and "there is a dataset 'masks'" in again.stderr
    subprocess.run([sys.executable, str(check), str(tmp_path)], check=True)
    for one in made:
        for index, expected in enumerate(one.levels["objects"]):
            found = np.load(tmp_path / f"{one.video.video.name}-{index}.npy")
            np.testing.assert_array_equal(found, expected)
