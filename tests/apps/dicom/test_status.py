"""The state of a spool as text."""

from __future__ import annotations

from boneage.apps.dicom.status import text

STATE = {
    "films": {"waiting": 1, "done": 2},
    "destinations": [
        {
            "name": "pacs",
            "waiting": 3,
            "sent": 6,
            "last_sent": 940.0,
            "last_error": {"at": 400.0, "sentence": "pacs cannot be reached", "is_present": False},
        },
        {
            "name": "web",
            "waiting": 1,
            "sent": 0,
            "last_sent": None,
            "last_error": {"at": 990.0, "sentence": "web answered with HTTP 503", "is_present": True},
        },
    ],
    "failures": [{"key": "abcdef" * 10, "changed": 1000.0 - 7200, "reason": "it is no film"}],
}


def test_it_says_what_waits_and_what_went_wrong() -> None:
    assert text(STATE, now=1000.0).splitlines() == [
        "films: 1 waiting, 2 done",
        "pacs: 3 documents wait, 6 sent, the last 1 min ago",
        "  last error 10 min ago, over: pacs cannot be reached",
        "web: 1 document waits, 0 sent, the last never",
        "  last error 10 s ago, now: web answered with HTTP 503",
        "film abcdefabcdef was given up 2 h ago: it is no film",
    ]
