"""Texts and JSON as editors write them."""

import json

import pytest

from betrayed.errors import UserError
from betrayed.io.text_files import load_json, read_lines, read_text

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-32"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lists_are_read_in_every_encoding_and_with_every_end_of_line(tmp_path, encoding, end):
    path = tmp_path / "val.txt"
    path.write_bytes(end.join(["# kept back", "bear", "", "  café ", "日本"]).encode(encoding))
    assert read_lines(path) == ["bear", "café", "日本"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_known_by_its_mark(tmp_path, encoding):
    path = tmp_path / "val.txt"
    path.write_bytes("\ufeffbear".encode(encoding))
    assert read_text(path) == "bear"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_is_read_in_every_encoding(tmp_path, encoding):
    path = tmp_path / "results.json"
    path.write_bytes(json.dumps({"é": 1}, ensure_ascii=False).encode(encoding))
    assert load_json(path) == {"é": 1}


def test_what_is_no_text_is_named_with_its_place(tmp_path):
    path = tmp_path / "val.txt"
    path.write_bytes("café".encode("latin-1"))
    with pytest.raises(UserError, match=r"val\.txt is no text in UTF-8 \(byte 3"):
        read_text(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_text(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_text(tmp_path / "absent")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": ' * 100_000, "[1", "", "[1]x"])
def test_what_is_no_whole_json_is_a_value_error(tmp_path, text):
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(ValueError):
        load_json(path)
