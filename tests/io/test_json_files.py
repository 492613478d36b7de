"""JSON files that programs are given: what is in them, or why not."""

import pytest

from betrayed.errors import UserError
from betrayed.io.json_files import read_json, read_json_list


def test_what_is_there_is_read(tmp_path):
    path = tmp_path / "list.json"
    path.write_text('[{"a": 1, "b": "ä"}, {"b": 2, "a": null, "c": 3}]', encoding="utf-8")
    expected = [{"a": 1, "b": "ä"}, {"b": 2, "a": None, "c": 3}]
    assert read_json(path, list) == read_json_list(path, ["a", "b"]) == expected
    path.write_text("[]")
    assert read_json_list(path, ["a"]) == []
    path.write_text('{"a": [1]}')
    assert read_json(path, dict) == {"a": [1]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1", "cannot be read as JSON"),
        ("\xff", "cannot be read as JSON"),
        ('{"a": 1}', "must hold a JSON list"),
        ('"a"', "must hold a JSON list"),
        ("[1]", "every entry needs a, b, unlike 1"),
        ('[{"a": 1, "b": 2}, {"a": 1}]', "every entry needs a, b, unlike {'a': 1}"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, text, message):
    path = tmp_path / "list.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=f"list.json:? .*{message}"):
        read_json_list(path, ["a", "b"])


def test_a_missing_file_and_a_list_for_an_object_are_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.json cannot be read as JSON"):
        read_json(tmp_path / "none.json", dict)
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(UserError, match=r"list\.json must hold a JSON object"):
        read_json(tmp_path / "list.json", dict)
