"""Pictures of attention and merging show what the artefacts hold."""

import subprocess
import sys
from dataclasses import replace

import av
import numpy as np
import pytest
import torch
from PIL import Image

from betrayed.block.rows import attention_rows
from betrayed.clustering.tracks import Tracks
from betrayed.engine.records import Record
from betrayed.errors import UserError
from betrayed.io.artefacts import create
from betrayed.io.style import heat_table, svg_text
from betrayed.reporting.attention_maps import (
    as_heat,
    block_concentration,
    key_frames,
    strongest_tokens,
    token_grid,
    token_rows,
)
from betrayed.reporting.attention_pictures import (
    draw_attention,
    heated,
    named,
    ringed,
    save_sheet,
    show_token,
    widened,
)
from betrayed.reporting.merging import THUMBNAIL, joins_of, leaves_of, merging_drawn, thumbnail
from betrayed.reporting.object_colours import grid_ids
from betrayed.video.video import Video
from support.paths import ROOT, SCRIPTS
from support.tiny_results import FRAMES, GRID, KEY_FRAMES, SIZE, report_list, tiny_video
from support.tiny_scene import BALL, scene

KINDS = ("frames", "objects", "tracks", "features", "attention")


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return tiny_video(tmp_path_factory.mktemp("video"))


@pytest.fixture
def random_attention(tmp_path):
    """Queries and keys of 5 frames, 2 heads and 3 x 4 tokens, and their file."""
    queries, keys = np.random.default_rng(0).normal(size=(2, 5, 2, 12, 6)).astype(np.float16)
    with create(tmp_path / "a.h5", "attention", {"video": "toy"}) as file:
        file["queries"], file["keys"] = queries, keys
        file.attrs.update(grid=(3, 4), count=5, frame_size=(6, 8))
    return tmp_path / "a.h5", torch.from_numpy(queries), torch.from_numpy(keys)


def test_rows_are_those_that_clustering_compares(random_attention):
    path, queries, keys = random_attention
    frames = [0, 2, 4]
    got = token_rows(path, [(1, 7), (4, 0)], frames)
    wanted = attention_rows(torch.stack([queries[1, :, 7], queries[4, :, 0]]), keys[frames])
    assert got.shape == (2, 3, 3, 4)
    np.testing.assert_allclose(got.reshape(2, -1), wanted.numpy(), atol=1e-6)
    np.testing.assert_allclose(got.sum(axis=(1, 2, 3)), 1, atol=1e-5)


def test_concentration_is_that_of_the_rows_of_one_frame(random_attention):
    path, queries, keys = random_attention
    rows = attention_rows(queries[3].transpose(0, 1), keys[[3]]).numpy()  # (N, N)
    wanted = np.log(12) + (rows * np.log(rows)).sum(axis=1)
    got = block_concentration(path, [1, 3])
    np.testing.assert_allclose(got[1].ravel(), wanted, atol=1e-5)


@pytest.mark.parametrize(("tokens", "frames"), [([(5, 0)], [0]), ([(0, 12)], [0]), ([], [5])])
def test_tokens_that_are_not_there_are_refused(random_attention, tokens, frames):
    with pytest.raises(UserError, match="there is no token"):
        token_rows(random_attention[0], tokens, frames)


def test_the_strongest_token_by_hand():
    ids = np.array([[[1, 1, 0], [2, 0, 0]], [[1, 0, 0], [2, 2, 0]]])
    strength = np.array([[[0.5, 0.2, 9], [0.1, 9, 9]], [[0.4, 9, 9], [0.3, 0.9, 9]]])
    assert strongest_tokens(ids, strength, [0, 10]) == {1: (0, 0), 2: (10, 4)}
    assert strongest_tokens(np.zeros_like(ids), strength, [0, 10]) == {}


def test_key_frames_and_grid_are_read(paths):
    assert key_frames(paths["tracks"]) == KEY_FRAMES
    assert token_grid(paths["attention"]) == GRID


def test_heat_by_hand():
    picture = np.full((4, 4, 3), 200, np.uint8)
    flat = heated(picture, np.full((2, 2), 255, np.uint8))
    expected = np.round(0.35 * 200 + 0.65 * heat_table()[255]).astype(np.uint8)
    assert (flat == expected).all()


@pytest.mark.parametrize("size", [(48, 80), (240, 432), (1080, 1920), (9, 40)])
def test_each_name_stands_below_its_own_frame(size):
    strip = named(*size, ["frame", "", "block's concentration"])
    assert strip.shape[0] % 2 == 0 and strip.shape[1] == 3 * size[1]
    white = (strip.max(axis=2) > 100).reshape(len(strip), 3, size[1])
    assert [white[:, place].any() for place in range(3)] == [True, False, True]
    assert not white[0].any() and not white[-1].any()


@pytest.mark.parametrize("size", [(600, 2), (2, 600), (1, 1)])
def test_a_sheet_of_frames_of_any_size_is_of_a_size_to_look_at(tmp_path, size):
    rows = [(f"object {number}", [np.zeros((*size, 3), np.uint8)] * 2) for number in range(3)]
    save_sheet(tmp_path / "sheet.png", rows, ["frame 0", "frame 1"], 1, "scale")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert max(sheet.size) < 3000


@pytest.mark.parametrize("size", [(600, 8), (1, 1), (600, 3)])
def test_narrow_frames_get_room_for_their_names(size):
    picture = widened(np.full((*size, 3), 9, np.uint8))
    assert (picture.sum(axis=(1, 2)) == 3 * 9 * size[1]).all()
    strip = named(*picture.shape[:2], ["frame", "block's concentration"])
    white = (strip.max(axis=2) > 100).reshape(len(strip), 2, picture.shape[1])
    assert white[:, 1].any(axis=1).sum() >= 5  # lines of pixels that letters are high


def test_a_ring_lies_around_its_token():
    picture = np.full((48, 80, 3), 100, np.uint8)
    changed = (ringed(picture, 5 * 20 + 9, (12, 20)) != picture).any(axis=2)
    ys, xs = np.nonzero(changed)
    assert (ys.mean(), xs.mean()) == pytest.approx((22, 38), abs=0.5)
    assert not changed[22, 38]


def test_leaves_by_hand():
    labels = np.array([[[0, 0, 1], [2, 3, 3]], [[0, 1, 1], [2, 3, 3]]])
    # 0 and 1 merge first, then 2 and 3.
    merges = np.array([[0, 1, 0.1, 2], [2, 3, 0.2, 2], [4, 5, 1.0, 4]])
    ids = np.array([[[0, 0, 0], [0, 7, 7]], [[0, 0, 0], [0, 7, 255]]])
    tracks = Tracks(labels, merges, (20, 30), {})
    whole = leaves_of(tracks, ids)
    assert sorted(whole) == [0, 1, 2, 3]
    assert [whole[i].tokens for i in range(4)] == [3, 3, 2, 4]
    assert [whole[i].object for i in range(4)] == [0, 0, 0, 7]
    assert (whole[1].frame, whole[0].frame) == (1, 0)
    assert whole[3].inside.tolist() == [[False] * 3, [False, True, True]]
    assert [whole[i].shares for i in range(4)] == [{}, {}, {}, {7: 0.75}]
    cut = leaves_of(tracks, ids, most=2)
    assert {node: leaf.tracks for node, leaf in cut.items()} == {4: (0, 1), 5: (2, 3)}
    # Track 3 is half of what lies in it and track 2: 3 of 6 tokens are no majority.
    assert cut[5].object == 0 and cut[5].shares == {7: 0.5}
    joins = joins_of(tracks, cut, ids)
    assert [(one.node, one.children, one.distance) for one in joins] == [(6, (4, 5), 1.0)]
    assert joins[0].group.tracks == (0, 1, 2, 3) and joins[0].group.tokens == 12
    assert [one.node for one in joins_of(tracks, whole, ids)] == [4, 5, 6]


def test_a_thumbnail_shows_the_group_and_fades_the_rest():
    picture = np.full((40, 80, 3), 40, np.uint8)
    inside = np.zeros((4, 8), bool)
    inside[1:3, 6:8] = True
    shown = thumbnail(picture, inside)
    assert shown.shape == (THUMBNAIL, THUMBNAIL, 3) and (shown == 40).all()
    inside[3, 7] = True  # the square grows downwards, and to the left
    shown = thumbnail(picture, inside)
    assert (shown[-1, 0] == 183).all() and (shown[30, 60] == 40).all()  # 170 + 40 · 85 / 255


@pytest.mark.parametrize("size", [(1, 1), (600, 3), (3, 600), (4, 8)])
def test_a_thumbnail_of_fewer_pixels_than_tokens_shows_each_token(size):
    picture = np.full((*size, 3), 40, np.uint8)
    for token in np.ndindex(6, 11):
        inside = np.zeros((6, 11), bool)
        inside[token] = True
        shown = thumbnail(picture, inside)
        assert shown.shape == (THUMBNAIL, THUMBNAIL, 3) and (shown == 40).any()


@pytest.mark.parametrize("count", [1, 2, 30])
def test_trees_of_any_size_are_drawn(count):
    labels = np.arange(2 * 40).reshape(1, 8, 10) % count
    distances = np.abs(np.subtract.outer(np.arange(count), np.arange(count))).astype(float)
    from betrayed.clustering.merge_tree import merge_tree

    tracks = Tracks(labels, merge_tree(distances), (16, 20), {})
    frame = np.full((16, 20, 3), 90, np.uint8)
    with merging_drawn(tracks, np.zeros_like(labels), lambda index: frame) as figure:
        text = svg_text(figure, "tree")
    leaves = min(count, 20)
    # Of what joins there are as many more as there is room for, the whole scene never.
    assert leaves + (count > 2) <= text.count("<image") <= max(leaves, 2 * leaves - 2)
    assert "mathdefault" not in text
    assert ("tracks" in text) == (count > 20)


def test_objects_on_the_grid_of_tokens(paths):
    folder = paths["objects"].rsplit("/", 1)[0]
    ids = grid_ids(folder, range(FRAMES), GRID)
    ball = scene(FRAMES) == BALL
    assert ids.shape == ball.shape
    assert (ids[ball] == 1).mean() > 0.8 and (ids[~ball] == 1).mean() < 0.1


@pytest.mark.slow
def test_pictures_of_a_video(tmp_path, paths):
    draw_attention(*(paths[kind] for kind in KINDS), tmp_path)
    names = ["attention.mp4", "attention.png", "merging.svg", "objects.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    with av.open(str(tmp_path / "attention.mp4")) as container:
        frames = [one.to_ndarray(format="rgb24") for one in container.decode(video=0)]
    assert len(frames) == FRAMES and frames[0].shape == (SIZE[0] + 16, 3 * SIZE[1], 3)
    # In both maps the ball is the brightest, everywhere in the film.
    for index, own in enumerate(scene(FRAMES) == BALL):
        ball = own.repeat(4, 0).repeat(4, 1)
        for left in (SIZE[1], 2 * SIZE[1]):
            light = frames[index][: SIZE[0], left : left + SIZE[1]].sum(axis=2)
            assert light[ball].mean() > 1.3 * light[~ball].mean()
    assert "object 1" in (tmp_path / "merging.svg").read_text()
    for name in ("attention.png", "objects.png"):
        with Image.open(tmp_path / name) as image:
            image.load()


@pytest.mark.slow
def test_pictures_are_the_same_twice(tmp_path, paths):
    for name in ("one", "two"):
        draw_attention(*(paths[kind] for kind in KINDS), tmp_path / name)
    trees = [(tmp_path / name / "merging.svg").read_bytes() for name in ("one", "two")]
    assert trees[0] == trees[1]
    for sheet in ("attention.png", "objects.png"):
        one, two = (np.array(Image.open(tmp_path / name / sheet)) for name in ("one", "two"))
        # The last bits of sums may differ with where arrays lie in memory, and heat by a step.
        assert np.abs(one.astype(int) - two).max() <= 3


def test_artefacts_of_another_video_are_refused(tmp_path, paths):
    with create(tmp_path / "features.h5", "features", {"video": "other"}) as file:
        file["class_attention"] = np.zeros((2, 240), np.float16)
        file.attrs["grid"] = GRID
    others = {**paths, "features": tmp_path / "features.h5"}
    with pytest.raises(UserError, match="has 6 frames"):
        draw_attention(*(others[kind] for kind in KINDS), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("pixel", "every", "said"),
    [
        ((6, 0, 0), 3, "no frame 6"),
        ((0, 48, 0), 3, "no pixel x 0, y 48"),
        ((0, 0, -1), 3, "no pixel x -1"),
        ((0, 0, 0), 0, "--every"),
    ],
)
def test_a_pixel_that_is_not_there_is_refused(tmp_path, paths, pixel, every, said):
    video = Video.load(paths["frames"])
    with pytest.raises(UserError, match=said):
        show_token(video, paths["attention"], *pixel, every, tmp_path / "t.png")
    assert not (tmp_path / "t.png").exists()


def test_attention_of_another_video_is_refused(tmp_path, paths):
    other = tmp_path / "other.h5"
    with create(other, "attention", {"video": "other"}) as file:
        file["queries"] = file["keys"] = np.zeros((FRAMES, 1, 240, 1), np.float16)
        file.attrs.update(grid=GRID, count=FRAMES, frame_size=SIZE)
    with pytest.raises(UserError, match="is of 'other'"):
        show_token(Video.load(paths["frames"]), other, 0, 0, 0, 3, tmp_path / "t.png")
    shorter = replace(Video.load(paths["frames"]), count=FRAMES - 1)
    with pytest.raises(UserError, match=r"6 frames of 80x48, but .* 5 frames"):
        show_token(shorter, paths["attention"], 0, 0, 0, 3, tmp_path / "t.png")
    assert not (tmp_path / "t.png").exists()


@pytest.mark.parametrize("name", ["t.jpeg", "t"])
def test_a_picture_of_another_kind_is_refused(tmp_path, paths, name):
    with pytest.raises(UserError, match=r"must end in \.png"):
        show_token(Video.load(paths["frames"]), paths["attention"], 0, 0, 0, 3, tmp_path / name)


def test_a_folder_in_place_of_a_record_is_refused(tmp_path):
    with pytest.raises(UserError, match="no record of frames"):
        Video.load(tmp_path)


@pytest.mark.slow
def test_the_programs_draw(tmp_path, paths):
    files = [part for kind in ("frames", "attention") for part in (f"--{kind}", paths[kind])]
    command = [sys.executable, str(SCRIPTS / "show_attention.py"), *files, "--frame", "2"]
    command += ["-x", "31", "-y", "25", "--every", "3", "--output", str(tmp_path / "t.png")]
    subprocess.run(command, cwd=ROOT, check=True)
    assert (tmp_path / "t.png").is_file()
    records = report_list(tmp_path, {"toy": {kind: str(paths[kind]) for kind in KINDS}})
    command = [sys.executable, str(SCRIPTS / "draw_attention.py")]
    for kind in KINDS:
        command += [f"--{kind}", records["batches"][0][kind]]
    command += ["--output-folder", str(tmp_path / "out"), "--record", str(tmp_path / "r.json")]
    subprocess.run(command, cwd=ROOT, check=True)
    assert len(list((tmp_path / "out" / "toy").iterdir())) == 4
    assert Record.read(tmp_path / "r.json").failures == {}


def test_maps_of_one_value_are_cold():
    assert (as_heat(np.full((2, 3, 3), 5.0)) == 0).all()
