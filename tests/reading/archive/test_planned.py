"""A film of a manifest: whether it has changed, and its name as text."""

from __future__ import annotations

from boneage.reading.archive.planned import Planned, as_text, of_status


def test_a_change_is_told_by_size_and_time_as_far_as_both_are_known() -> None:
    second = 10**9
    film = Planned("a", "/a.png", 2000, 5 * second)
    assert film.change(2000, 5 * second) == film.change(None, None) == film.change(None, 5 * second) == ""
    assert film.change(1234567, 5 * second) == "it had 2,000 bytes and has 1,234,567"
    assert film.change(2000, 6 * second) == film.change(2000, 5 * second - 1) == "it was written again"
    assert Planned("a", "s3://a").change(1, 2) == ""
    assert of_status(None) == (None, None)


def test_a_time_in_another_resolution_is_no_change() -> None:
    assert Planned("a", "s3://a", 2000, 1_700_000_000_123_000_000).change(2000, 1_700_000_000_000_000_000) == ""
    assert Planned("a", "/a.png", 2000, 1_700_000_000_123_000_000).change(2000, 1_700_000_000_123_456_789) == ""


def test_a_name_that_is_no_text_becomes_one() -> None:
    assert [as_text(name) for name in ("plain.png", "Händchen", "hand\udce4.png")] == [
        *("plain.png", "Händchen"),
        "hand\\udce4.png",
    ]
