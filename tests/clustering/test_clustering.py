from argparse import Namespace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

import betrayed.clustering.clustering
import betrayed.clustering.mean_shift
import betrayed.clustering.memory
import betrayed.clustering.neighbours
import betrayed.clustering.row_parts
import betrayed.clustering.tracking
import betrayed.clustering.video_rows
import cluster_tracks as program
from betrayed.clustering import tracking
from betrayed.clustering.bounds import directions, project
from betrayed.clustering.clustering import (
    hierarchical_clustering,
    hierarchical_clusterings,
    key_frames,
    leader_merging,
)
from betrayed.clustering.memory import Budget
from betrayed.clustering.neighbours import pairs_within
from betrayed.clustering.row_parts import StoredRows
from betrayed.clustering.tracking import ClusterSettings, begin_tracks, cluster_video, columns
from betrayed.clustering.tracks import read_tracks
from betrayed.engine.batches import ReadsAhead, Task
from betrayed.errors import UserError
from betrayed.io.artefacts import create, open_checked
from betrayed.io.files import sha256
from support.naive_clustering import naive_clustering
from support.tf32 import TF32


def random_case(seed, frames=5, key_count=2, heads=2, patches=7, width=4, scale=1.5):
    draw = np.random.default_rng(seed)
    queries = draw.normal(size=(frames, heads, patches, width), scale=scale)
    keys = draw.normal(size=(key_count, heads, patches, width), scale=scale)
    return queries.astype(np.float32), keys.astype(np.float32)


def structured_case(seed, frames=7, patches=9, groups=3, noise=0.3):
    """Tokens of a few kinds, moving from patch to patch; attention says who is whose kind."""
    draw = np.random.default_rng(seed)
    kinds = draw.normal(size=(groups, 2, 4), scale=2)  # (kind, head, d)
    truth = draw.integers(groups, size=(frames, patches))
    tokens = kinds[truth].transpose(0, 2, 1, 3)  # (T, heads, N, d)
    tokens = tokens + draw.normal(size=tokens.shape, scale=noise)
    return tokens.astype(np.float32), tokens[::4].astype(np.float32), truth


CASES = {
    "random": lambda: random_case(0),
    "one frame": lambda: random_case(1, frames=1, key_count=1),
    "shorter than a window": lambda: random_case(2, frames=2, key_count=1),
    "one key frame": lambda: random_case(3, key_count=1),
    "peaked": lambda: random_case(4, scale=6.0),
    "nearly uniform": lambda: random_case(5, scale=0.3),
    "structured": lambda: structured_case(6)[:2],
    "many groups": lambda: structured_case(7, groups=6)[:2],
}


@pytest.mark.parametrize("tau", [1e-6, 0.05, 0.3, 1.0, 3.0, 1e4])
@pytest.mark.parametrize("case", CASES)
def test_agrees_with_naive(case, tau):
    queries, keys = CASES[case]()
    labels, centres = naive_clustering(queries, keys, tau)
    found = hierarchical_clustering(queries, keys, tau=tau, window=3)
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_allclose(found.centres, centres, atol=1e-6)


@pytest.mark.parametrize("window", [1, 2, 4, 9])
def test_window_agrees_with_naive(window):
    queries, keys, _ = structured_case(8)
    labels, _ = naive_clustering(queries, keys, 0.3, window)
    found = hierarchical_clustering(queries, keys, tau=0.3, window=window)
    np.testing.assert_array_equal(found.labels, labels)


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        ("row_parts", "PART_CPU", 40),
        ("neighbours", "OPEN_SHARE", 0.0),  # one product for all pairs
        ("neighbours", "OPEN_SHARE", 1.0),  # pairs one by one
        ("mean_shift", "BLOCK_CPU", 2),
        ("video_rows", "MOST_DIRECTIONS", 1),  # bounds that leave much open
        ("video_rows", "SAMPLE", 3),
        ("clustering", "CANDIDATES", 1),
    ],
)
@pytest.mark.parametrize("tau", [0.05, 0.2, 1.0])
def test_the_way_it_is_computed_changes_nothing(monkeypatch, module, name, value, tau):
    queries, keys, _ = structured_case(9, groups=5)
    labels, centres = naive_clustering(queries, keys, tau)
    monkeypatch.setattr(getattr(betrayed.clustering, module), name, value)
    found = hierarchical_clustering(queries, keys, tau=tau, window=3)
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_allclose(found.centres, centres, atol=1e-6)


@pytest.mark.parametrize("tau", [1e-6, 0.05, 1.0])
def test_few_pairs_at_a_time_change_nothing(monkeypatch, tau):
    """As where a video has many more centres than a window has rows."""
    queries, keys, _ = structured_case(9, groups=5)
    wanted = hierarchical_clustering(queries, keys, tau=tau, window=3)
    held = []

    def watched(rows, projection, first, second, tau):
        held.append(3 * len(first) * len(second) if len(first) > 1 else 0)
        return pairs_within(rows, projection, first, second, tau)

    monkeypatch.setattr(betrayed.clustering.clustering, "pairs_within", watched)
    few = property(lambda budget: 300, lambda budget, value: None)
    monkeypatch.setattr(betrayed.clustering.clustering.Budget, "pairs", few, raising=False)
    found = hierarchical_clustering(queries, keys, tau=tau, window=3)
    assert 0 < max(held) <= 300
    np.testing.assert_array_equal(found.labels, wanted.labels)
    np.testing.assert_allclose(found.centres, wanted.centres, rtol=1e-6)


@pytest.mark.parametrize("taus", [[0.2], [0.05, 0.2]])
def test_less_memory_changes_nothing(monkeypatch, taus):
    monkeypatch.setattr(betrayed.clustering.memory, "PARTS", 0)
    # So few tokens have more centres than rows.
    monkeypatch.setattr(betrayed.clustering.clustering.Budget, "check_centres", lambda *given: None)
    queries, keys, _ = structured_case(9, groups=5)
    kept = []
    watched = betrayed.clustering.video_rows.stored_attention_rows
    monkeypatch.setattr(
        betrayed.clustering.video_rows,
        "stored_attention_rows",
        lambda *given: kept.append(given) or watched(*given),
    )
    least = next(memory for memory in range(0, 10**6, 100) if accepts(queries, keys, taus, memory))
    found = {}
    for memory in (least, 10**6):
        kept.clear()
        found[memory] = hierarchical_clusterings(queries, keys, taus=taus, memory=memory, window=3)
        assert bool(kept) == (memory == 10**6)
    for number, tau in enumerate(taus):
        labels, centres = naive_clustering(queries, keys, tau)
        for memory in found:
            np.testing.assert_array_equal(found[memory][number].labels, labels)
            np.testing.assert_allclose(found[memory][number].centres, centres, atol=1e-6)


@pytest.mark.parametrize("tau", [0.02, 0.1, 0.3])
def test_tf32_that_is_switched_on_changes_nothing(tau):
    """With products rounded as a GPU does, other labels come out; without, the plain ones."""
    queries, keys, _ = structured_case(21, frames=9, patches=16, groups=6, noise=0.4)
    expected = hierarchical_clustering(queries, keys, tau=tau, window=3)
    torch.set_float32_matmul_precision("high")
    try:
        with TF32() as emulated:
            found = hierarchical_clustering(queries, keys, tau=tau, window=3)
        assert emulated.products == 0
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_array_equal(found.centres, expected.centres)


def accepts(queries, keys, taus, memory):
    try:
        hierarchical_clusterings(queries, keys, taus=taus, memory=memory, window=3)
    except UserError as error:
        assert "clustering.memory_gb" in str(error)
        return False
    return True


def test_every_level_of_the_merge_is_kept():
    queries, keys, _ = structured_case(16, frames=10, groups=6)
    found = hierarchical_clustering(queries, keys, tau=0.1, window=3)
    assert found.fragments.shape == (10, 9) and len(found.rounds) > 1
    np.testing.assert_array_equal(np.unique(found.fragments), np.arange(len(found.rounds[0])))
    windows = [np.unique(found.fragments[start : start + 3]) for start in range(0, 10, 3)]
    assert sum(map(len, windows)) == len(found.rounds[0]), "a fragment lies in one window"
    place = np.arange(len(found.rounds[0]))
    for parents in found.rounds:
        assert place.max() + 1 == len(parents)
        place = parents[place]
    # Followed to the end, most tokens are where the last step puts them: with the nearest.
    assert (place[found.fragments] == found.labels).mean() > 0.9
    assert set(place) - {-1} == set(range(len(found.centres)))


def test_several_thresholds_are_as_each_alone():
    queries, keys, _ = structured_case(15, groups=5)
    taus = [0.3, 0.02, 2.0, 0.1]
    together = hierarchical_clusterings(queries, keys, taus=taus, window=3)
    assert len({len(one.centres) for one in together}) > 2, "one partition tells nothing"
    for tau, found in zip(taus, together, strict=True):
        labels, centres = naive_clustering(queries, keys, tau)
        np.testing.assert_array_equal(found.labels, labels)
        np.testing.assert_allclose(found.centres, centres, atol=1e-6)


def test_finds_the_kinds():
    queries, keys, truth = structured_case(10, noise=0.05)
    labels = hierarchical_clustering(queries, keys, tau=0.3, window=3).labels
    pairs = {(a, b) for a, b in zip(labels.ravel(), truth.ravel(), strict=True)}
    assert len(pairs) == len(np.unique(truth)) == labels.max() + 1


def test_extremes_of_tau():
    queries, keys = random_case(11)
    one = hierarchical_clustering(queries, keys, tau=1e9, window=3)
    assert one.centres.shape == (1, 14)
    assert not one.labels.any()
    each = hierarchical_clustering(queries, keys, tau=1e-9, window=3)
    np.testing.assert_array_equal(each.labels.ravel(), np.arange(35))


def test_result_form_and_inputs():
    queries, keys = random_case(12)
    found = hierarchical_clustering(queries, keys, tau=0.5, window=3)
    assert (found.labels.dtype, found.labels.shape) == (np.int64, (5, 7))
    assert (found.centres.dtype, found.centres.shape[1]) == (np.float32, 14)
    np.testing.assert_allclose(found.centres.sum(1), 1, atol=1e-5)
    np.testing.assert_array_equal(np.unique(found.labels), np.arange(len(found.centres)))
    tensors = hierarchical_clustering(
        torch.from_numpy(queries), torch.from_numpy(keys), tau=0.5, window=3, device="cpu"
    )
    np.testing.assert_array_equal(tensors.labels, found.labels)
    half = hierarchical_clustering(
        queries.astype(np.float16), keys.astype(np.float16), tau=0.5, window=3
    )
    assert half.labels.shape == (5, 7)
    assert queries.flags.writeable and np.array_equal(queries, random_case(12)[0])


def test_identical_tokens_are_one_cluster():
    queries, keys = np.ones((4, 2, 5, 3)), np.ones((1, 2, 5, 3))
    assert len(hierarchical_clustering(queries, keys, tau=1e-5, window=3).centres) == 1


@pytest.mark.parametrize("candidates", [1, 2, 32])
@pytest.mark.parametrize("pairs", [1, 24, 10**6])
def test_leader_merging_by_hand(monkeypatch, candidates, pairs):
    # Distances 0.044 from the first to the second, 0.041 on to the third, 0.169 from the first to
    # the third. The first takes the second, so that the third leads its own, and takes the fourth.
    monkeypatch.setattr(betrayed.clustering.clustering, "CANDIDATES", candidates)
    shares = torch.tensor([0.3, 0.4, 0.5, 0.5])
    rows = torch.stack([shares, 1 - shares], dim=1)
    kept = StoredRows(rows)
    projection = project(kept, directions(rows, 2, 0.0))
    for tau, labels in {0.05: [0, 0, 1, 1], 0.03: [0, 1, 2, 2], 0.2: [0, 0, 0, 0]}.items():
        np.testing.assert_array_equal(leader_merging(kept, projection, tau, pairs), labels)


def test_key_frames():
    assert key_frames(24, 10) == (0, 10, 20)
    assert key_frames(3, 10) == (0,)
    assert key_frames(3, 1) == (0, 1, 2)
    for count, ratio in [(0, 10), (5, 0)]:
        with pytest.raises(UserError):
            key_frames(count, ratio)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"queries": np.zeros((0, 2, 7, 4))}, "nothing to cluster"),
        ({"queries": np.zeros((2, 2, 0, 4)), "keys": np.zeros((1, 2, 0, 4))}, "nothing"),
        ({"keys": np.zeros((0, 2, 7, 4))}, "nothing"),
        ({"keys": np.zeros((1, 3, 7, 4))}, "keys"),
        ({"queries": np.zeros((7, 4))}, "queries"),
        ({"queries": np.full((2, 2, 7, 4), np.nan)}, "not finite"),
        ({"keys": np.full((2, 2, 7, 4), np.inf)}, "not finite"),
        ({"queries": np.full((2, 2, 7, 4), np.nan, np.float16)}, "not finite"),
        ({"keys": np.full((2, 2, 7, 4), -np.inf, np.float16)}, "not finite"),
        ({"queries": np.full((2, 2, 7, 4), 1e30)}, "overflow"),
        ({"tau": 0.0}, "tau"),
        ({"tau": float("nan")}, "tau"),
        ({"window": 0}, "window"),
    ],
)
def test_refuses(change, says):
    queries, keys = random_case(13)
    with pytest.raises(UserError, match="taus is empty"):
        hierarchical_clusterings(queries, keys, taus=[], window=3)
    if says == "overflow":
        keys = keys * 1e30
    case = {"queries": queries, "keys": keys, "tau": 0.3, "window": 3} | change
    with pytest.raises(UserError, match=says):
        hierarchical_clustering(case.pop("queries"), case.pop("keys"), **case)


def write_attention(path, queries, keys, grid):
    with create(path, "attention", {"video": "toy", "backbone": "b"}) as file:
        file["queries"], file["keys"] = queries.astype("f2"), keys.astype("f2")
        file.attrs.update(grid=grid, frame_size=(30, 31), count=len(queries))


def test_cluster_video(tmp_path):
    tokens, _, _ = structured_case(14, frames=12)
    write_attention(tmp_path / "a.h5", tokens, tokens, (3, 3))
    settings = ClusterSettings(tau=0.2, key_frame_ratio=5)
    cluster_video(tmp_path / "a.h5", tmp_path / "t.h5", settings)
    tracks = read_tracks(tmp_path / "t.h5")
    assert (tracks.labels.shape, tracks.labels.dtype) == ((12, 3, 3), np.int32)
    assert tracks.frame_size == (30, 31)
    assert tracks.made_by["video"] == "toy" and tracks.made_by["tau"] == 0.2
    half = tokens.astype("f2")
    expected = hierarchical_clustering(half, half[::5], tau=0.2, window=3)
    np.testing.assert_array_equal(tracks.labels.reshape(12, 9), expected.labels)
    with open_checked(tmp_path / "t.h5", "tracks") as file:
        assert list(file["key_frames"]) == [0, 5, 10]
        assert file["sizes"][:].sum() == 12 * 9 and len(file["sizes"]) == len(file["centres"])
        assert list(file.attrs["grid"]) == [3, 3] and file.attrs["count"] == 12
        fragments = file["fragments"][:]
        np.testing.assert_array_equal(fragments.reshape(12, 9), expected.fragments)
        assert len(file["rounds/0"]) == fragments.max() + 1
        assert len(file["rounds"]) == len(expected.rounds)


@pytest.mark.parametrize("fits", [True, False])
def test_attention_is_read_before_it_is_the_videos_turn_and_tracks_written_behind(fits, tmp_path):
    tokens, _, _ = structured_case(14, frames=12)
    write_attention(tmp_path / "a.h5", tokens, tokens, (3, 3))
    settings = ClusterSettings(tau=0.2, key_frame_ratio=5)
    cluster_video(tmp_path / "a.h5", tmp_path / "expected.h5", settings)
    ahead = 2 * tokens.size - (not fits)
    compute = begin_tracks(tmp_path / "a.h5", tmp_path / "t.h5", settings, ahead=ahead)
    if fits:
        (tmp_path / "a.h5").unlink()
    write = compute()
    assert not list(tmp_path.glob("*t.h5"))
    write()
    assert sha256(tmp_path / "t.h5") == sha256(tmp_path / "expected.h5")


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_the_program_leaves_beginning_and_end_to_others_where_a_gpu_computes(kind, monkeypatch):
    monkeypatch.setattr(program, "take_device", lambda arguments: torch.device(kind))
    monkeypatch.setattr(tracking, "begin_tracks", lambda *given: given)
    work = program._prepare(Namespace(settings="{}", memory_mb=0))
    assert isinstance(work, ReadsAhead) == (kind == "cuda")
    do = work.read if kind == "cuda" else work
    *_, ahead = do(Task("bear", {"attention": Path("a.h5")}, (Path("x.h5"),)))
    assert ahead == (2**27 if kind == "cuda" else 0)


def test_memory_that_runs_out_is_halved(tmp_path, monkeypatch, capsys):
    tokens, _, _ = structured_case(14, frames=12)
    write_attention(tmp_path / "a.h5", tokens, tokens, (3, 3))
    settings = ClusterSettings(tau=0.2, key_frame_ratio=5)
    cluster_video(tmp_path / "a.h5", tmp_path / "whole.h5", settings)
    given = []

    def limited(queries, keys, memory, **options):
        given.append(memory)
        if memory > 1.2e9:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return hierarchical_clustering(queries, keys, memory=memory, **options)

    monkeypatch.setattr(betrayed.clustering.tracking, "hierarchical_clustering", limited)
    cluster_video(tmp_path / "a.h5", tmp_path / "t.h5", settings, memory=4e9)
    assert given == [4e9, 2e9, 1e9]
    told = capsys.readouterr().err
    assert "Memory ran out: clustering starts anew, and may take 1.00 GB." in told
    whole, found = (read_tracks(tmp_path / f"{name}.h5").labels for name in ("whole", "t"))
    np.testing.assert_array_equal(found, whole)


def test_memory_that_never_does_is_told_with_what_to_set(tmp_path, monkeypatch):
    tokens, _, _ = structured_case(14, frames=12)
    write_attention(tmp_path / "a.h5", tokens, tokens, (3, 3))

    given = []

    def never(queries, keys, memory, **options):
        given.append(memory)
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(betrayed.clustering.tracking, "hierarchical_clustering", never)
    with pytest.raises(UserError, match=r"a\.h5: .*clustering\.memory_gb .* set device: cpu"):
        cluster_video(tmp_path / "a.h5", tmp_path / "t.h5", ClusterSettings(), memory=4e8)
    assert not (tmp_path / "t.h5").exists()
    # The last one does, but keeps no row.
    assert given[:2] == [4e8, 2e8] and len(given) == 3
    half = torch.from_numpy(tokens.astype("f2"))
    assert Budget(half, half[::10], 3, 1, 128, given[-1]).copies == 0


def test_more_tracks_than_their_tree_has_room_for_are_refused(tmp_path, monkeypatch):
    tokens, _, _ = structured_case(14, frames=12)
    write_attention(tmp_path / "a.h5", tokens, tokens, (3, 3))
    monkeypatch.setattr(betrayed.clustering.memory, "TREE", 4e8 / 2)
    with pytest.raises(UserError, match=r"tree of \d+ tracks does not fit in the 0\.40 GB"):
        cluster_video(tmp_path / "a.h5", tmp_path / "t.h5", ClusterSettings(), memory=4e8)


def test_columns():
    np.testing.assert_array_equal(columns((2, 3), 1), range(6))
    np.testing.assert_array_equal(columns((3, 4), 2), [0, 2, 5, 7, 8, 10])  # a chessboard
    np.testing.assert_array_equal(columns((2, 5), 4), [0, 4, 7])
    with pytest.raises(UserError, match="approximate"):
        columns((2, 2), 0)


def test_approximate_takes_fewer_columns(tmp_path):
    tokens, _, truth = structured_case(18, frames=12, noise=0.05)
    write_attention(tmp_path / "a.h5", tokens, tokens, (3, 3))
    settings = ClusterSettings(tau=0.3, key_frame_ratio=5, approximate=2)
    cluster_video(tmp_path / "a.h5", tmp_path / "t.h5", settings)
    with open_checked(tmp_path / "t.h5", "tracks") as file:
        assert file["centres"].shape[1] == 3 * 5
        pairs = set(zip(file["labels"][:].ravel(), truth.ravel(), strict=True))
    assert len(pairs) == len(np.unique(truth)), "easy tracks stay the same"


def test_cluster_video_names_the_file(tmp_path):
    tokens = np.full((2, 2, 4, 3), np.nan)
    write_attention(tmp_path / "broken.h5", tokens, tokens, (2, 2))
    with pytest.raises(UserError, match=r"broken\.h5 cannot be used: queries holds .*no finite"):
        cluster_video(tmp_path / "broken.h5", tmp_path / "t.h5", ClusterSettings())
    assert not (tmp_path / "t.h5").exists()
    with h5py.File(tmp_path / "cut.h5", "w") as file:
        file.attrs["kind"] = "attention"
    with pytest.raises(UserError, match="never finished"):
        cluster_video(tmp_path / "cut.h5", tmp_path / "t.h5", ClusterSettings())


def test_tracks_without_a_tree_are_refused_by_name(tmp_path):
    with create(tmp_path / "old.h5", "tracks", {"video": "toy"}) as file:
        file["labels"] = np.zeros((2, 3, 3), np.int32)
        file.attrs.update(grid=(3, 3), frame_size=(30, 31), count=2)
    with pytest.raises(UserError, match=r"old\.h5 has no tree of merges"):
        read_tracks(tmp_path / "old.h5")
