"""Data files in every format, encoding and notation are read to the same values."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from rnnbench.errors import DataError, OptionError
from tests.tasks.builders import build, write

TEXTS = [("a good film", "good"), ("a bad film", "bad"), ("so, so; bad", "bad"), ("x", "good")] * 5
CHINESE = "今天天气很好,我们去公园散步。\n明天会下雨吗?\n" * 40


def texts_of(path: Path, **options: Any) -> list[tuple[str, str]]:
    given = {"path": str(path), "validation": str(path), "test": str(path), **options}
    train = build("text-classification", **given).parts[0]
    return list(zip(train.texts, train.labels, strict=True))


def csv_of(rows: list[tuple[str, str]], separator: str = ",") -> str:
    return "".join(f'"{text}"{separator}{label}\n' for text, label in rows)


def values_of(path: Path, **options: Any) -> np.ndarray:
    task = build("forecasting", path=str(path), **options)
    return np.asarray(task.in_unit(task.values[:, 0], 0))


def numbers(n: int = 150) -> np.ndarray:
    return np.round(np.random.Generator(np.random.PCG64(0)).standard_normal(n) * 100, 3)


@pytest.mark.parametrize("header", ["review,sentiment", "Review,Label", "title,Class"])
def test_a_header_of_usual_names_is_no_class(tmp_path: Path, header: str) -> None:
    path = write(tmp_path, "a.csv", f"{header}\n{csv_of(TEXTS)}")
    assert texts_of(path) == TEXTS
    assert build("text-classification", path=str(path)).classes == ("bad", "good")


def test_a_first_row_that_may_be_a_header_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", f"beschreibung,art\n{csv_of(TEXTS)}")
    with pytest.raises(DataError, match=r"line 1: no other row has the label 'art'; add header=tr"):
        texts_of(path)
    assert texts_of(path, header="true", text="0", label="1") == TEXTS
    assert texts_of(path, header="false") == [("beschreibung", "art"), *TEXTS]


def test_a_row_whose_label_returns_is_no_header(tmp_path: Path) -> None:
    rows = [("review", "topic"), ("another", "topic"), *TEXTS]
    assert texts_of(write(tmp_path, "a.csv", csv_of(rows))) == rows


def test_columns_that_cannot_be_told_apart_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "title,review,label\n" + "a,b,1\nc,d,0\n" * 10)
    with pytest.raises(DataError, match=r"may be the texts: title, review; add text=NAME"):
        texts_of(path)
    assert texts_of(path, text="review")[0] == ("b", "1")
    path = write(tmp_path, "b.csv", "words,label\n" + "a,1\nc,0\n" * 10)
    with pytest.raises(DataError, match=r"Its columns: words, label. Choose one with text=NAME"):
        texts_of(path)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_of_a_csv_file_is_recognised(tmp_path: Path, separator: str) -> None:
    assert texts_of(write(tmp_path, "a.csv", csv_of(TEXTS, separator))) == TEXTS


def test_a_separator_can_be_given(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "a;b|0\nc;d|1\n" * 10)
    with pytest.raises(DataError, match="add separator=semicolon or separator=bar"):
        texts_of(path)
    assert texts_of(path, separator="bar")[0] == ("a;b", "0")
    path = write(tmp_path, "a.txt", "good, 1\nbad, 0\n" * 10)
    with pytest.raises(DataError, match=r"no tab between columns; .* by a comma, add format=csv"):
        texts_of(path)
    assert texts_of(path, format="csv")[0] == ("good", "1")


def test_cells_of_any_length_are_read(tmp_path: Path) -> None:
    rows = [("word " * 100_000, "good"), ("short", "bad")] * 2
    tsv = write(tmp_path, "a.tsv", "".join(f"{text}\t{label}\n" for text, label in rows))
    assert texts_of(tsv) == rows
    assert texts_of(write(tmp_path, "a.csv", csv_of(rows))) == rows


def objects(rows: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"text": text, "label": label} for text, label in rows]


def test_json_arrays_and_parquet_files_read_like_csv(tmp_path: Path) -> None:
    array = write(tmp_path, "a.json", json.dumps(objects(TEXTS), indent=1))
    lines = write(tmp_path, "b.json", "\n".join(map(json.dumps, objects(TEXTS))))
    assert texts_of(array) == texts_of(lines) == TEXTS
    frame = tmp_path / "a.parquet"
    parquet.write_table(pa.Table.from_pylist(objects(TEXTS)), frame)
    assert texts_of(frame) == TEXTS


def test_numbers_of_a_parquet_file_are_exact(tmp_path: Path) -> None:
    values = np.random.Generator(np.random.PCG64(0)).standard_normal(150)
    days = np.datetime64("2020-01-01", "us") + np.arange(150) * np.timedelta64(1, "D")
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"date": days, "x": values}), path)
    task = build("forecasting", path=str(path), column="x")
    assert task._read.numbers[:, 0].tolist() == values.tolist()
    parquet.write_table(pa.table({"date": days[::-1], "x": values}), path)
    with pytest.raises(DataError, match="row 2: its time in column 'date', '2020-05-28 00:00:00'"):
        _ = build("forecasting", path=str(path), column="x").values


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", '[{"text": "a", "label": 1}, {"text": null, "label": 0}]', "row 2: 'text' is"),
        ("a.json", '[{"text": "a", "label": 1}, 3]', "row 2: not a JSON object"),
        ("a.json", '[{"text": "a"', "malformed JSON"),
        ("a.json", '{\n"text": ["a"],\n"label": [1]\n}', "give an array of objects"),
        ("a.xlsx", "PK", r"'.xlsx' is unknown; files that end in .csv, .tsv, .* are read"),
        ("a.csv", b"PK\x03\x04rest", "is a zip archive; unpack it"),
        ("a.csv.gz", b"\x1f\x8b\x08\x00rest", "gzip data are damaged"),
        ("a.jsonl", '{"text": "a", "label": 1}', "separator= is an option of CSV"),
    ],
)
def test_files_that_cannot_be_read_are_refused(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    options = {"separator": "bar"} if name == "a.jsonl" else {}
    with pytest.raises(DataError, match=message):
        texts_of(write(tmp_path, name, content), **options)


def test_gzipped_files_are_read(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv.gz", gzip.compress(csv_of(TEXTS).encode()))
    assert texts_of(path) == TEXTS
    task = build("char-lm", path=str(write(tmp_path, "a.gz", gzip.compress(CHINESE.encode()))))
    assert task.decode(task.symbols.tolist()) == CHINESE
    rows = "".join(f"1,{k},2:good\n3,4,{k}:bad\n" for k in range(20))
    content = gzip.compress(f"@data\n{rows}".encode())
    task = build("series-classification", train=str(write(tmp_path, "a.ts.gz", content)))
    assert task.classes == ("bad", "good")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_names_the_encoding(tmp_path: Path, encoding: str) -> None:
    task = build("char-lm", path=str(write(tmp_path, "a.txt", CHINESE.encode(encoding))))
    assert task.decode(task.symbols.tolist()) == CHINESE
    assert texts_of(write(tmp_path, "a.csv", csv_of(TEXTS).encode(encoding))) == TEXTS


@pytest.mark.parametrize("encoding", ["gb18030", "gbk", "utf-16-le", "utf-8"])
def test_an_encoding_can_be_given(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, "zh.txt", CHINESE.encode(encoding))
    task = build("char-lm", path=str(path), encoding=encoding)
    assert task.decode(task.symbols.tolist()) == CHINESE
    rows = [(line, str(number % 2)) for number, line in enumerate(CHINESE.splitlines())]
    path = write(tmp_path, "zh.tsv", "".join(f"{a}\t{b}\n" for a, b in rows).encode(encoding))
    assert texts_of(path, encoding=encoding) == rows


def test_the_message_about_an_encoding_has_one_that_fits(tmp_path: Path) -> None:
    path = write(tmp_path, "zh.txt", ("plain\n" * 3 + CHINESE).encode("gbk"))
    with pytest.raises(DataError, match=r"line 4: not UTF-8 .*probable first: gb18030 \('今天天气"):
        build("char-lm", path=str(path)).splits()
    with pytest.raises(DataError, match=r"line 4: not shift_jis text"):
        build("char-lm", path=str(path), encoding="shift_jis").splits()
    with pytest.raises((OptionError, ValueError), match=r"encoding=klingon is unknown"):
        build("char-lm", path=str(path), encoding="klingon")
    with pytest.raises((OptionError, ValueError), match=r"give path= too"):
        build("char-lm", encoding="gbk")


def test_decimal_commas_are_recognised(tmp_path: Path) -> None:
    values = numbers()
    rows = "".join(f"{day};{value}\n".replace(".", ",") for day, value in enumerate(values))
    path = write(tmp_path, "semi.csv", f"date;temp\n{rows}")
    np.testing.assert_allclose(values_of(path, column="temp"), values)
    np.testing.assert_allclose(values_of(path, column="temp", decimal="comma"), values)
    quoted = "".join(f'{day},"{value}"\n'.replace(".", ",") for day, value in enumerate(values))
    path = write(tmp_path, "quoted.csv", f"date,temp\n{quoted}")
    np.testing.assert_allclose(values_of(path, column="temp"), values)
    path = write(tmp_path, "bare.csv", rows)
    with pytest.raises(DataError, match="add separator=comma or separator=semicolon"):
        values_of(path, column="1")
    np.testing.assert_allclose(values_of(path, column="1", separator="semicolon"), values)


def test_a_comma_that_may_separate_thousands_is_refused(tmp_path: Path) -> None:
    rows = [f"{k};{1 + k % 7},{100 + k}" for k in range(150)]
    path = write(tmp_path, "a.csv", "n;x\n" + "\n".join(rows))
    with pytest.raises(DataError, match=r"line 2: '1,100' .* may be 1\.100 or 1100; add decimal=c"):
        values_of(path, column="x")
    assert values_of(path, column="x", decimal="comma")[0] == pytest.approx(1.1)
    path = write(tmp_path, "b.csv", "n;x\n" + "\n".join(rows) + "\n5;1.5\n")
    with pytest.raises(DataError, match=r"line 2: '1,100' is not a finite number"):
        values_of(path, column="x")
    with pytest.raises(DataError, match=r"line 152: '1\.5' is not a finite number"):
        values_of(path, column="x", decimal="comma")


def test_a_column_name_with_commas_is_quoted(tmp_path: Path) -> None:
    from rnnbench.records.syntax import parse_selectors

    values = numbers()
    rows = "".join(f"{day},{value}\n" for day, value in enumerate(values))
    path = write(tmp_path, "comma-name.csv", f'when,"Passengers, all"\n{rows}')
    typed = f'forecasting[path={path},column="Passengers, all"]'
    (selector,) = parse_selectors([typed])
    (options,) = selector.grid()
    task = build("forecasting", **options)
    np.testing.assert_allclose(task.in_unit(task.values[:, 0], 0), values)
    with pytest.raises(DataError, match=r"put in quotes: '\[\.\.\.=\"Passengers, all\"\]'"):
        values_of(path, column="Passengers")
