from __future__ import annotations

import io
from html.parser import HTMLParser

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

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


def test_definitions_name_every_metric():
    assert all(metric.name in html.definitions() for metric in metrics.METRICS.values())
