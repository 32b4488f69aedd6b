from __future__ import annotations

import io
import os
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from boneage.errors import CannotWrite
from boneage.evaluation import html, metrics

VOID = {"meta", "img", "br"}


class Reader(HTMLParser):
    """Reads a page; fails on tags that do not match, and keeps texts, tags and attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def png(width: int = 30, height: int = 15) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.zeros((height, width), np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def whole(hostile: str) -> str:
    parts = [
        html.heading(hostile),
        html.paragraph(hostile),
        html.bullets([hostile]),
        html.tiles([(hostile, hostile, hostile)]),
        html.table(hostile, (hostile, "b"), [(hostile, hostile)]),
        html.facts({hostile: hostile}),
        html.figure(1, png(), hostile, hostile, hostile),
        html.definitions(),
    ]
    return html.page(hostile, hostile, parts)


@given(st.text())
def test_any_text_leaves_the_page_well_formed(hostile):
    plain = {tag for tag, _ in Reader(whole("plain")).tags}
    assert {tag for tag, _ in Reader(whole(hostile)).tags} <= plain | {"br", "small"}


def test_hostile_text_is_shown_not_run():
    hostile = "</title><script>alert(1)</script>\"' onerror=x"
    page = Reader(whole(hostile))
    assert "script" not in {tag for tag, _ in page.tags}
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert page.texts.count(hostile) >= 8


def test_the_page_takes_nothing_from_outside():
    tags = Reader(whole("plain")).tags
    assert all(a["src"].startswith("data:image/png;base64,") for tag, a in tags if tag == "img")
    assert not any(tag in {"script", "link", "iframe"} for tag, _ in tags)
    policy = next(a["content"] for tag, a in tags if a.get("http-equiv"))
    assert "default-src 'none'" in policy


def test_the_page_says_what_it_is_not_for():
    assert "Research use only, not a medical device." in whole("plain")


def test_a_figure_has_its_size_its_number_and_a_text_for_those_who_cannot_see():
    page = Reader(html.page("t", "l", [html.figure(7, png(300, 150), "Scatter.", "n = 3", 'Points on a "line"')]))
    image = next(attributes for tag, attributes in page.tags if tag == "img")
    assert (image["width"], image["height"], image["alt"]) == ("200", "100", 'Points on a "line"')
    assert "Figure 7. Scatter." in page.texts


def test_a_table_names_rows_and_columns():
    page = Reader(html.table("All.", ("", "MAE\nmonths"), [("girls", "7.0\n6.5 to 7.5")]))
    scopes = [attributes.get("scope") for tag, attributes in page.tags if tag == "th"]
    assert scopes == ["col", "col", "row"]
    assert [text.strip() for text in page.texts if text.strip()] == [
        "All.",
        "MAE",
        "months",
        "girls",
        "7.0",
        "6.5 to 7.5",
    ]


def test_facts_leave_out_what_is_not_known():
    shown = html.facts({"commit": None, "split": "", "films": 0})
    assert "commit" not in shown
    assert "split" not in shown
    assert ">0<" in shown


@pytest.mark.parametrize(
    ("value", "digits", "signed", "shown"),
    [
        (None, 1, False, "n/a"),
        (1234.56, 1, False, "1,234.6"),
        (-0.04, 1, True, "0.0"),
        (-2.5, 1, False, "\N{MINUS SIGN}2.5"),
        (2.5, 2, True, "+2.50"),
    ],
)
def test_numbers(value, digits, signed, shown):
    assert html.number(value, digits, signed=signed) == shown


def test_measured_with_and_without_an_interval():
    spaced = html.measured({"value": 7.04, "low": 6.5, "high": 7.55}, "months").replace("\N{NO-BREAK SPACE}", " ")
    assert spaced == "7.0 months (6.5 to 7.5)"
    assert html.measured({"value": 7.0, "low": None, "high": None}) == "7.0 (no interval)"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("<84", "below 84"), ("84-120", "84 to 120"), (">=156", "from 156"), ("female", "female"), ("a-b", "a-b")],
)
def test_bands_in_words(name, shown):
    assert html.band(name).replace("\N{NO-BREAK SPACE}", " ") == shown


def test_definitions_name_every_metric():
    assert all(metric.name in html.definitions() for metric in metrics.METRICS.values())


FILES = {"metrics.json": b"{}", "a.png": b"new"}


def check(out):
    html.check_folder(out, FILES, "metrics.json")


def test_a_new_folder_is_written_with_its_parents(tmp_path):
    out = tmp_path / "deep" / "er"
    check(out)
    html.write_folder(out, FILES)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == FILES
    assert os.listdir(out.parent) == ["er"]


def test_an_earlier_report_is_replaced_whole(tmp_path):
    out = tmp_path / "out"
    html.write_folder(out, FILES)
    check(out)
    html.write_folder(out, {"metrics.json": b"[]"})
    assert os.listdir(out) == ["metrics.json"]
    assert os.listdir(tmp_path) == ["out"]


def test_an_empty_folder_is_taken(tmp_path):
    check(tmp_path)


@pytest.mark.parametrize("names", [["thesis.doc"], ["metrics.json", "weights.safetensors"], ["a.png"]])
def test_a_folder_with_other_things_is_refused(tmp_path, names):
    for name in names:
        (tmp_path / name).write_text("mine")
    with pytest.raises(CannotWrite, match=rf"{tmp_path.name} exists and holds other things \({names[-1]}\)"):
        check(tmp_path)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(CannotWrite, match="is a file"):
        check(tmp_path / "out")
    with pytest.raises(CannotWrite, match="cannot be written"):
        check(tmp_path / "out" / "below")


def test_a_folder_that_takes_no_files_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(CannotWrite, match="takes no new files"):
        check(tmp_path / "out")


def full_disk(*_):
    raise OSError(28, "No space left on device")


def test_a_full_disk_leaves_the_earlier_report_and_nothing_else(tmp_path, monkeypatch):
    html.write_folder(tmp_path / "out", FILES)
    monkeypatch.setattr("pathlib.Path.write_bytes", full_disk)
    with pytest.raises(CannotWrite, match="out cannot be written: No space left"):
        html.write_folder(tmp_path / "out", {"metrics.json": b"other"})
    assert (tmp_path / "out" / "metrics.json").read_bytes() == b"{}"
    assert os.listdir(tmp_path) == ["out"]


def test_a_failed_renaming_puts_the_earlier_report_back(tmp_path, monkeypatch):
    html.write_folder(tmp_path / "out", FILES)
    rename = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: full_disk() if str(a).endswith(".tmp") else rename(a, b))
    with pytest.raises(CannotWrite):
        html.write_folder(tmp_path / "out", {"metrics.json": b"other"})
    assert (tmp_path / "out" / "metrics.json").read_bytes() == b"{}"
    assert os.listdir(tmp_path) == ["out"]


def test_a_link_to_a_folder_is_written_through(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    html.write_folder(tmp_path / "link", FILES)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "a.png").read_bytes() == b"new"
