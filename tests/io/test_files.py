from pathlib import Path

import pytest

from betrayed.io.files import sha256, whole_file, whole_folder


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    target = tmp_path / "made" / "table.csv"
    with whole_file(target) as temporary:
        temporary.write_text("a")
        assert not target.exists()
        assert temporary.suffix == ".csv"
    assert target.read_text() == "a"
    assert names_in(target.parent) == ["table.csv"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(RuntimeError), whole_file(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert names_in(tmp_path) == ["table.csv"]


def test_a_folder_takes_the_place_of_the_old_one(tmp_path):
    target = tmp_path / "masks"
    for names in (["a", "b"], ["c"]):
        with whole_folder(target) as temporary:
            for name in names:
                Path(temporary, name).write_text(name)
        assert names_in(target) == names
    with pytest.raises(RuntimeError), whole_folder(target) as temporary:
        Path(temporary, "d").write_text("half")
        raise RuntimeError
    assert names_in(target) == ["c"]
    assert names_in(tmp_path) == ["masks"]


def test_results_are_as_readable_as_the_umask_says(tmp_path):
    with whole_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("")
    (tmp_path / "b.txt").write_text("")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "b.txt").stat().st_mode


def test_sha256_of_a_known_text(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    # The example of FIPS 180-2, appendix B.1.
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(tmp_path / "abc") == known
