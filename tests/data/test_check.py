"""Every fault planted in a folder is reported, a clean folder is clean, and the sheet shows the odd ones."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from boneage.apps.cli import app
from boneage.data import check as data_check
from boneage.data.check import ERRORS, SHEET, WARNINGS, Report, check, lines
from boneage.data.phantom import draw
from boneage.errors import BadTable, CannotWrite

N = 12


@pytest.fixture(scope="module")
def hands() -> list[np.ndarray]:
    """Films without anything odd about them."""
    return [draw(np.random.default_rng(n), months=20 + 15 * n, plain=True).pixels for n in range(N)]


def row(number: int) -> str:
    return f"{number},{20 + 15 * number},{'F' if number % 2 else 'M'},{'train' if number < 9 else 'test'}"


@pytest.fixture
def folder(hands: list[np.ndarray], tmp_path: Path) -> Path:
    """A clean folder of 12 films: to be spoiled."""
    root = tmp_path / "films"
    (root / "images").mkdir(parents=True)
    for number, film in enumerate(hands):
        write(root, str(number), film)
    table(root, *map(row, range(N)))
    return root


def write(root: Path, name: str, film: np.ndarray) -> None:
    cv2.imwrite(str(root / "images" / f"{name}.png"), film)


def table(root: Path, *rows: str, header: str = "id,bone_age_months,sex,split") -> None:
    (root / "table.csv").write_text("\n".join((header, *rows)) + "\n")


def found(report: Report) -> set[tuple[str, tuple[str, ...]]]:
    return {(finding.kind, finding.ids) for finding in report.findings}


def detail(report: Report, kind: str) -> str:
    (finding,) = (finding for finding in report.findings if finding.kind == kind)
    return finding.detail


def test_a_clean_folder_is_clean(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    report = check(folder)
    assert report.findings == report.errors == report.warnings == ()
    assert (report.rows, report.readable, report.formats) == (N, N, {"PNG": N})
    assert (report.split, report.parts) == ("from the table", {"train": 9, "test": 3})
    assert sum(sum(counts.values()) for counts in report.ages.values()) == N
    assert report.ages["24 to 47"] == {"female": 1}
    assert lines(report)[-1] == "0 to mend, 0 to look at"
    assert sorted(folder.rglob("*")) == before


def test_wrong_rows_are_all_reported(folder: Path) -> None:
    table(folder, *map(row, range(N)), "3,70,F,train", "20,old,F,train", "21,400,F,train", "22,80,both,train")
    report = check(folder)
    assert [finding.kind for finding in report.findings] == ["row"] * 4
    details = [finding.detail for finding in report.errors]
    assert details[0] == "line 14: the id '3' is there twice"
    assert details[2] == "line 16: the age '400' is 400 months, outside 0 to 300"
    assert report.rows == N


def test_missing_unreadable_and_unlisted_files(folder: Path, hands: list[np.ndarray]) -> None:
    (folder / "images/0.png").unlink()
    data = (folder / "images/1.png").read_bytes()
    (folder / "images/1.png").write_bytes(data[: len(data) // 2])
    (folder / "images/2.png").write_text("no film")
    write(folder, "stranger", hands[0])
    (folder / "more").mkdir()
    cv2.imwrite(str(folder / "more/3.png"), hands[5][:200])
    report = check(folder)
    assert found(report) == {
        ("missing", ("0",)),
        ("unreadable", ("1",)),
        ("unreadable", ("2",)),
        ("no_row", ("stranger",)),
        ("extra", ("3",)),
    }
    assert report.readable == N - 3
    assert detail(report, "extra") == "more/3.png"


def test_copies_and_what_contradicts_between_them(folder: Path, hands: list[np.ndarray]) -> None:
    centre = (128, 128)
    turned = cv2.warpAffine(hands[4], cv2.getRotationMatrix2D(centre, 2, 1), (256, 256))
    write(folder, "equal", hands[2])
    write(folder, "turned", 255 - turned[:, ::-1])
    table(folder, *map(row, range(N)), "equal,55,M,train", "turned,90,F,test")
    report = check(folder)
    assert found(report) == {
        ("exact", ("2", "equal")),
        ("near", ("4", "turned")),
        ("leak", ("4", "turned")),
        ("contradiction", ("2", "equal")),
        ("inverted", ("turned",)),
    }
    assert detail(report, "contradiction") == "50 months male, 55 months male"
    assert detail(report, "leak") == "train, test"
    assert detail(report, "near").endswith("mirrored, 80 months male, 90 months female")


def test_labels_in_years_and_absent_ones(folder: Path) -> None:
    years = [f"{number},{1 + number}.5" for number in range(N)]
    table(folder, *years, header="id,bone_age")
    report = check(folder)
    assert [(finding.kind, finding.detail[:35]) for finding in report.errors] == [
        ("row", "line 1: the ages in column 'bone_ag")
    ]
    assert found(report) == {("row", ()), ("no_sex", ())}
    table(folder, *years, header="id,bone_age_months")
    assert found(check(folder)) == {("unit", ()), ("no_sex", ())}
    table(folder, *(f"{number},{'F' if number else ''}" for number in range(N)), header="id,sex")
    assert found(check(folder / "table.csv")) == {("no_label", ()), ("no_sex", ("0",))}
    table(folder, "0,,F,train", *map(row, range(1, N)))
    assert found(check(folder)) == {("no_label", ("0",))}


def test_the_split_is_looked_at(folder: Path) -> None:
    table(folder, *(f"{number},{100 + number},F" for number in range(N)), header="id,bone_age,sex")
    report = check(folder)
    assert (report.split, report.parts) == (
        "made from the seed, by default",
        {"train": 10, "validation": 1, "calibration": 1},
    )
    (folder / "split.csv").write_text("id,split\n" + "".join(f"{number},val\n" for number in range(N - 1)))
    report = check(folder)
    assert (report.split, report.parts) == ("from split.csv", {"validation": N - 1})
    assert found(report) == {("no_part", ("11",))}
    (folder / "split.csv").write_text("id,split\n0,both\n")
    report = check(folder)
    assert (report.split, found(report)) == ("none", {("split", ())})
    assert "unknown split 'both'" in detail(report, "split")


def test_odd_films(folder: Path, hands: list[np.ndarray]) -> None:
    rng = np.random.default_rng(0)
    frame = np.full((400, 400), 250, np.uint8)
    frame[70:330, 70:330] = cv2.resize(hands[0], (260, 260))
    write(folder, "0", frame)
    write(folder, "1", rng.integers(0, 6, (256, 256)).astype(np.uint8))
    write(folder, "2", (hands[2] // 16) * 16)
    write(folder, "3", 255 - hands[3])
    report = check(folder)
    assert found(report) >= {("framed", ("0",)), ("empty", ("1",)), ("levels", ("2",)), ("inverted", ("3",))}
    assert not report.errors
    assert {name for _, (name,) in found(report)} == {"0", "1", "2", "3"}


def test_out_holds_a_report_and_a_sheet(folder: Path, hands: list[np.ndarray], tmp_path: Path) -> None:
    write(folder, "3", 255 - hands[3])
    write(folder, "copy", hands[4][2:])
    table(folder, *map(row, range(N)), "copy,80,M,train")
    out = folder / "check"
    report = check(folder, out=out)
    assert sorted(path.name for path in out.iterdir()) == ["report.json", SHEET]
    assert json.loads((out / "report.json").read_text()) == json.loads(json.dumps(report.to_dict()))
    sheet = cv2.imread(str(out / SHEET), cv2.IMREAD_UNCHANGED)
    assert sheet.ndim == 2
    assert sheet.shape == (36 + 192 + 36, 8 * 192)
    panels = sheet[36:, :].reshape(228, 8, 192)
    assert [bool(panels[:, n].any()) for n in range(8)] == [True] * 3 + [False] * 5
    assert check(folder, out=out) == report, "its own sheet is no film"
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite):
        check(folder, out=tmp_path / "file")


def test_the_sheet_is_bounded(
    monkeypatch: pytest.MonkeyPatch, folder: Path, hands: list[np.ndarray], tmp_path: Path
) -> None:
    for number, film in enumerate(hands):
        write(folder, str(number), 255 - film)
    monkeypatch.setattr(data_check, "SHOWN_OF_A_KIND", 9)
    monkeypatch.setattr(data_check, "LISTED_OF_A_KIND", 3)
    report = check(folder, out=tmp_path / "out")
    assert [finding.kind for finding in report.warnings] == ["inverted"] * N
    assert cv2.imread(str(tmp_path / "out" / SHEET)).shape == (36 + 2 * 228, 8 * 192, 3)
    assert f"  and {N - 3} more" in lines(report)


def test_films_in_another_folder(folder: Path, tmp_path: Path) -> None:
    moved = (folder / "images").rename(tmp_path / "elsewhere")
    assert {kind for kind, _ in found(check(folder))} == {"missing"}
    assert check(folder, images=moved).findings == ()


def test_a_table_that_cannot_be_used_at_all(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("id,bone_age\n")
    with pytest.raises(BadTable, match="has no rows"):
        check(tmp_path)


def test_every_kind_is_an_error_or_a_warning() -> None:
    assert not ERRORS.keys() & WARNINGS.keys()
    assert set(data_check.SHOWN) <= {*ERRORS, *WARNINGS}


def test_the_command(folder: Path) -> None:
    clean = CliRunner().invoke(app, ["data", "check", str(folder)])
    assert clean.exit_code == 0
    assert f"{N} rows, {N} films read ({N} PNG)" in clean.output
    (folder / "images/0.png").unlink()
    spoiled = CliRunner().invoke(app, ["data", "check", str(folder)])
    assert spoiled.exit_code == 1
    assert "wrong: rows whose film is not there: 1\n  0\n" in spoiled.output


def test_a_link_in_a_circle_is_one_finding(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("id,boneage,sex\n1,100,F\n")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    found = check(tmp_path).findings
    assert ("unreadable", ("round",)) in {(finding.kind, finding.ids) for finding in found}
