"""Tables as spreadsheets and other programs write them: read, or refused with the reason."""

import codecs
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from apex_space.core.tables import escaped, number, numbered, records, text, unicode_text

ROWS = [{"id": "0", "title": "Größe; ja, 中"}, {"id": "1", "title": "b"}]
CSV = 'id,title\n0,"Größe; ja, 中"\n1,b\n'


def found(path: Path, content: str | bytes) -> list[dict[str, Any]]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(records(path))


@pytest.mark.parametrize(
    "content",
    [
        CSV,
        CSV.encode("utf-8-sig"),
        codecs.BOM_UTF16_LE + CSV.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + CSV.encode("utf-16-be"),
        CSV.replace("\n", "\r\n"),
        ' ID , Title \n0,"Größe; ja, 中"\n1,b\n',
        'id;title\n0;"Größe; ja, 中"\n1;b\n',
        "id\ttitle\n0\tGröße; ja, 中\n1\tb\n",
        'sep=;\nid;title\n0;"Größe; ja, 中"\n1;b\n',
        "sep=|\r\nid|title\r\n0|Größe; ja, 中\r\n1|b\r\n",
        'id,title,,\n0,"Größe; ja, 中",,\n\n,,,\n1,b,,\n,\n  ,\t\n',
    ],
)
def test_csvs_of_every_kind(content: str | bytes, tmp_path: Path) -> None:
    assert found(tmp_path / "t.csv", content) == ROWS


def test_lines_are_counted_as_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('sep=,\nid,title\n\n0,"two\nlines"\n\n1,b\n')
    assert [line for line, _ in numbered(tmp_path / "t.csv")] == [3, 6]
    (tmp_path / "t.jsonl").write_text('\n{"id": 0}\n\n{"id": 1}\n{}\n{"id": null}\n')
    assert [line for line, _ in numbered(tmp_path / "t.jsonl")] == [2, 4]


def test_numbers_of_jsonl_and_parquet_are_kept(tmp_path: Path) -> None:
    rows = [{"id": 0, "system": 1.0}, {"id": 1, "system": None}]
    content = "".join(json.dumps(row) + "\n" for row in rows)
    for encoded in (content.encode("utf-8-sig"), codecs.BOM_UTF16_LE + content.encode("utf-16-le")):
        assert found(tmp_path / "t.jsonl", encoded) == rows
    pd.DataFrame({"Id ": [0, 1, None], "system": [1.0, None, None]}).to_parquet(tmp_path / "t.parquet")
    assert [{key: text(cell) for key, cell in row.items()} for row in records(tmp_path / "t.parquet")] == [
        {"id": "0", "system": "1"},
        {"id": "1", "system": ""},
    ]


def test_long_cells_are_read(tmp_path: Path) -> None:
    assert found(tmp_path / "t.csv", f"id,lyrics\n1,{'la ' * 100_000}\n")[0]["lyrics"].count("la") == 100_000


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("t.csv", b"", "does not name columns"),
        ("t.csv", CSV.encode("utf-8").replace("中".encode(), b"\xe9"), "perhaps in Latin-1"),
        ("t.csv", "id\n1\n".encode("utf-16-le"), "save it as UTF-8"),
        ("t.csv", b"id,title\n1,a,b\n", "line 2 has more cells"),
        ("t.csv", b"id,Title,title\n1,a,b\n", "two columns are called title"),
        ("t.csv", b'id,title\n1,"a"b\n', "expected after"),
        ("t.jsonl", b'{"id": 1}\n{"id":\n', "line 2 is not JSON"),
        ("t.jsonl", b'{"id": 1}\n[1]\n', "line 2 is not an object"),
        ("t.jsonl", b'{"id": 1, "ID": 2}\n', "two columns are called id"),
        ("t.parquet", b"no parquet", "Parquet"),
    ],
)
def test_what_cannot_be_read_is_named(name: str, content: bytes, says: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=says):
        found(tmp_path / name, content)


@pytest.mark.parametrize(
    ("cell", "shown"),
    [(0, "0"), (0.0, "0"), (1.5, "1.5"), (2024, "2024"), (None, ""), (float("nan"), ""), (" a ", "a"), ("1.0", "1.0")],
)
def test_cells_as_text(cell: object, shown: str) -> None:
    assert text(cell) == shown


def test_what_json_alone_can_hold() -> None:
    assert number("1.5") == 1.5
    for cell in (None, [], "many", 10**400):
        with pytest.raises(ValueError, match=r"."):
            number(cell)
    assert unicode_text("\U0001f3b5") == "\U0001f3b5"
    with pytest.raises(UnicodeError):
        unicode_text("a\ud83c")
    assert escaped("é\ud83c") == r"é\ud83c"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.txt", "id", r"its name does not end in \.csv"),
        ("t", "id", "its name does not end in"),
        ("t.jsonl", "[" * 100_000, "line 1 is not JSON"),
    ],
)
def test_what_is_no_table_is_said(name: str, content: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        found(tmp_path / name, content)


@pytest.mark.parametrize("cell", [True, False])
def test_true_and_false_are_no_numbers(cell: bool) -> None:
    with pytest.raises(ValueError, match="is no number"):
        number(cell)
