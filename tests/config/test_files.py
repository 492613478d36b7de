"""Settings in YAML as people write them."""

import pytest

from betrayed.config.files import check_readable, faults_of_files
from betrayed.errors import UserError


def written(folder, text):
    (folder / "mine.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return [folder / "mine.yaml"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "training: {steps: 20}\nseed: 1\ntraining:\n  warmup: 2\n",
            "line 3: training stands there for the second time, first in line 1",
        ),
        ("training:\n  steps: 20\n  steps: 40\n", "line 3: training.steps stands there"),
        ("runs:\n  a: {seed: 1}\n  b: {seed: 2}\n  a: {seed: 3}\n", "line 4: runs.a stands"),
        ("sweep: [{seed: 1, seed: 2}]\n", "line 1: sweep.seed stands"),
        (
            "training: {steps: 010}\n",
            "line 1: training.steps: YAML reads 010 as a number of base 8",
        ),
        ("datasets: {v: {videos: [1:30]}}\n", "line 1: datasets.v.videos: YAML reads 1:30"),
    ],
)
def test_what_yaml_takes_without_a_word_is_named(tmp_path, text, told):
    (fault,) = faults_of_files(written(tmp_path, text))
    assert fault.startswith(f"{tmp_path}/mine.yaml, {told}")


def test_all_faults_are_named_at_once(tmp_path):
    assert len(faults_of_files(written(tmp_path, "a: 1\na: 2\nb: 007\n"))) == 2


@pytest.mark.parametrize(
    "text",
    [
        "\ufefftraining:\r\n  steps: 20\r\n",  # a mark of the byte order, and lines of Windows
        "pictures: {draw: yes, sound: no}\n",
        "a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: {<<: *a, <<: *a}\n",
        'a: 0\nb: -0\nc: 0x10\nd: "010"\ne: 2024-11-26\nf: 1_000\ng: 0.5\n',
        '{\n\t"seed": 1\n}\n',  # JSON, which takes tabs
    ],
)
def test_what_is_meant_as_it_is_read_has_no_fault(tmp_path, text):
    files = written(tmp_path, text)
    check_readable(files)
    assert faults_of_files(files) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "seed: 1\na:\n\tb: 1\n",
            ", line 3: is no YAML (.*). Indent by spaces: YAML takes no tabs.",
        ),
        ("a: {b: 1", ", line 1: is no YAML"),
        ("seed: 1\n method: paper\n", ", line 2: is no YAML"),
        ("seed: 1\n".encode("utf-16"), r": is no UTF-8 text \(its byte 1 is 0xff\). Save it as"),
        ("# é\nseed: 1\n".encode("latin-1"), r": is no UTF-8 text \(its byte 3 is 0xe9\)"),
        ("seed: \x00\n", ": is no YAML"),
        ("seed: 1\nevaluate: &all [*all]\n", ", line 2: a part holds itself"),
        ("runs: &all\n  default: *all\n", ", line 1: a part holds itself"),
        ("", ": holds no settings"),
        ("# nothing\n", ": holds no settings"),
        ("- a\n- a\n", ": holds no settings"),
        ("[1]", ": holds no settings"),
    ],
)
def test_a_file_that_holds_no_settings_is_named_with_the_reason(tmp_path, text, told):
    files = written(tmp_path, text)
    with pytest.raises(UserError, match=rf"  - {tmp_path}/mine\.yaml{told}"):
        check_readable(files)
    faults_of_files(files)  # has nothing to say of what is no YAML, and does not end


def test_a_file_that_is_not_there_is_for_others_to_name(tmp_path):
    check_readable([tmp_path / "none.yaml"])
    assert faults_of_files([tmp_path / "none.yaml"]) == []


def test_a_folder_is_no_file_of_settings(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        check_readable([tmp_path])


def test_the_projects_own_files_are_sound():
    from support.paths import ROOT

    files = [ROOT / "config.yaml", *(ROOT / "presets").glob("*.yaml")]
    assert len(files) > 3
    check_readable(files)
    assert faults_of_files(files) == []
