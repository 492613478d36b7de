"""Settings in YAML as people write them."""

import pytest

from betrayed.config.files import check_files
from betrayed.errors import UserError


def written(folder, text):
    (folder / "mine.yaml").write_bytes(text.encode())
    return [folder / "mine.yaml"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "training: {steps: 20}\nseed: 1\ntraining:\n  warmup: 2\n",
            r"line 3: training stands .* 1",
        ),
        ("training:\n  steps: 20\n  steps: 40\n", r"line 3: training\.steps stands .* in line 2"),
        ("runs:\n  a: {seed: 1}\n  b: {seed: 2}\n  a: {seed: 3}\n", r"line 4: runs\.a stands"),
        ("sweep: [{seed: 1, seed: 2}]\n", r"line 1: sweep\.seed stands"),
        ("training: {steps: 010}\n", r"line 1: training\.steps: YAML reads 010 .* base 8"),
        ("datasets: {v: {videos: [1:30]}}\n", r"datasets\.v\.videos: YAML reads 1:30 .* base 60"),
    ],
)
def test_what_yaml_takes_without_a_word_is_refused(tmp_path, text, told):
    with pytest.raises(UserError, match=rf"mine\.yaml, {told}" if told[0] == "l" else told):
        check_files(written(tmp_path, text))


def test_all_faults_are_named_at_once(tmp_path):
    with pytest.raises(UserError) as raised:
        check_files(written(tmp_path, "a: 1\na: 2\nb: 007\n"))
    assert str(raised.value).count("\n  - ") == 2


@pytest.mark.parametrize(
    "text",
    [
        "\ufefftraining:\r\n  steps: 20\r\n",  # a mark of the byte order, and lines of Windows
        "pictures: {draw: yes, sound: no}\n",
        "a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: {<<: *a, <<: *a}\n",
        'a: 0\nb: -0\nc: 0x10\nd: "010"\ne: 2024-11-26\nf: 1_000\ng: 0.5\n',
        "",
        "# nothing\n",
        "- a\n- a\n",
        "a:\n\tb: 1\n",  # not YAML: for the reader to say
        "a: {b: 1",
    ],
)
def test_the_rest_is_for_others_to_judge(tmp_path, text):
    check_files(written(tmp_path, text))


def test_a_file_that_is_not_there_is_for_others_to_name(tmp_path):
    check_files([tmp_path / "none.yaml"])


def test_the_projects_own_files_are_sound():
    from support.paths import ROOT

    files = [ROOT / "config.yaml", *(ROOT / "presets").glob("*.yaml")]
    assert len(files) > 3
    check_files(files)
