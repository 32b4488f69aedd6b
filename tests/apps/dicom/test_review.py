"""The review path with the real programs: storescu, Orthanc, node, reading room in Chromium, and Orthanc again."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from typing import Any

import pytest
from clinical_films import STUDY, film
from orthanc import DIMSE, NODE, Orthanc, orthanc
from rooms import expect, launched, opened_page
from services import service

from boneage.clinic.record import Record

pytestmark = pytest.mark.slow
SETTINGS = f"""
[node]
spool = "spool"
port = {NODE}
record = "readings.db"
[[callers]]
address = "127.0.0.1"
ae_title = "ORTHANC"
[limits]
reading = 1
retry_seconds = 1
free = 0
[[destinations]]
name = "orthanc"
host = "127.0.0.1"
port = {DIMSE}
ae_title = "ORTHANC"
documents = ["sr3d"]
"""
CODE = "from boneage.apps.cli import main; main()"
YEARS = (2021, 2022, 2024)  # of three films of one girl


def test_what_a_reviewer_decides_on_the_page_is_what_the_pacs_has(tmp_path: Path) -> None:
    settings = tmp_path / "node.toml"
    settings.write_text(SETTINGS.replace('record = "readings.db"', f'record = "{tmp_path / "readings.db"}"'))
    with orthanc(tmp_path) as pacs:
        pacs.start(sys.executable, "-c", CODE, "node", "start", str(settings), "--review")
        pacs.wait(lambda: echoed(pacs))
        for year in YEARS:
            path = tmp_path / f"{year}.dcm"
            path.write_bytes(
                film(SOPInstanceUID=f"{STUDY}.1.{year}", StudyDate=f"{year}0301", PatientName=f"Roe^{year}")
            )
            pacs.store(path)
        with service("--node", settings) as room, launched() as browser, opened_page(browser, room) as page:
            expect(page.locator("#held li")).to_have_count(3)
            expect(page.locator("#held-state")).to_have_text("")
            reviewed(page)
        pacs.wait(lambda: len(pacs.qido(STUDY)) == len(YEARS) + 2)
        pacs.wait(lambda: ", 3 done" in pacs.run(sys.executable, "-c", CODE, "node", "status", str(settings)).stdout)
        reports = [
            pacs.rest(f"instances/{one}/simplified-tags")
            for one in pacs.rest("instances")
            if pacs.rest(f"instances/{one}/simplified-tags")["Modality"] == "SR"
        ]
    assert {one["VerificationFlag"] for one in reports} == {"VERIFIED"}
    assert {one["VerifyingObserverSequence"][0]["VerifyingObserverName"] for one in reports} == {"Doe^Jane"}
    corrected = {one["StudyDate"]: "The age is the reviewer" in str(one["ContentSequence"]) for one in reports}
    assert corrected == {"20210301": False, "20220301": True}
    rows = [row for row in recorded(tmp_path / "readings.db") if row["verdict"]]
    assert {row["verdict"]: row["verdict_reason"] for row in rows} == {
        **{"accept": "", "correct": ""},
        "reject": "blurred",
    }
    assert {row["reviewer"] for row in rows} == {"Doe^Jane"}


def reviewed(page: Any) -> None:
    """Accept the first film, correct the second, and reject the third."""
    for year, verdict in zip(YEARS, ("accept", "correct", "reject"), strict=True):
        page.locator("#held .film", has_text=str(year)).click()
        expect(page.locator("#held-patient")).to_contain_text(f"{year}-03-01")
        expect(page.locator("#sds")).not_to_have_text("–")
        expect(page.locator("#earlier")).to_contain_text("2 ")  # films of the patient, of the node's record
        page.check(f"input[name=verdict][value={verdict}]")
        if verdict == "accept":
            for name, value in (("family", "Doe"), ("given", "Jane"), ("organisation", "Ward 9")):
                page.fill(f"#reviewer-{name}", value)
        if verdict == "correct":
            page.fill("#right-years", "10")
            page.fill("#right-months", "6")
        if verdict == "reject":
            page.fill("#decision-reason", "blurred")
        page.click("#decision-send")
        expect(page.locator("#decision-state")).to_have_text(f"{verdict.capitalize()}ed by Jane Doe.")


def echoed(pacs: Orthanc) -> bool:
    """Whether the node answers."""
    ended = pacs.run("/usr/bin/echoscu", "-aet", "ORTHANC", "-aec", "BONEAGE", "127.0.0.1", str(NODE))
    return ended.returncode == 0


def recorded(place: Path) -> list[dict[str, str]]:
    """The rows of a record."""
    out, record = io.StringIO(), Record.open(str(place))
    record.export(out)
    record.close()
    return list(csv.DictReader(io.StringIO(out.getvalue())))
