"""The record: what it keeps and what it never holds, its migrations, its table for others."""

from __future__ import annotations

import csv
import importlib.util
import io
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy", reason="the record needs boneage[serve]")
pytest.importorskip("alembic", reason="the record needs boneage[serve]")

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from boneage.clinic.errors import NoSuchReading
from boneage.clinic.record import MIGRATIONS, READINGS, Judgement, Record
from boneage.errors import BadConfig, CannotWrite
from boneage.types import Reading, Sex

PATIENT = "MRN-4711"


def reading(months: float = 120.0, film: str = "b", sex: Sex = Sex.FEMALE) -> dict[str, Any]:
    made = Reading("DOE^JANE.dcm", months, sex, "given", (), "default", "a" * 64, film * 64, "0.1.0")
    return made.to_dict()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A PostgreSQL server of this test run's own, behind a socket in a folder of its own: its URL."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found or importlib.util.find_spec("pg8000") is None:
        pytest.skip("PostgreSQL and boneage[postgresql] are not installed")
    programs, folder = found[-1].parent, Path(tempfile.mkdtemp(prefix="pg"))
    other = {"user": "nobody"} if os.getuid() == 0 else {}  # it refuses to run as root
    if other:
        shutil.chown(folder, "nobody")
    quiet: dict[str, Any] = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder, **other}
    control = [programs / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log"]
    try:
        subprocess.run([programs / "initdb", "-D", folder / "data", "-U", "boneage", "-A", "trust", "-N"], **quiet)
        subprocess.run([*control, "-o", f"-c listen_addresses='' -k {folder} -F", "start"], **quiet)
        try:
            yield f"postgresql://boneage@/postgres?unix_sock={folder}/.s.PGSQL.5432"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **quiet)
    finally:
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def record(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Record]:
    """An empty record in a file and on a server."""
    if request.param == "sqlite":
        opened = Record.open(str(tmp_path / "readings.db"))
    else:
        opened = Record.open(request.getfixturevalue("server"), tmp_path / "key")
        with opened._engine.begin() as connection:
            connection.execute(READINGS.delete())
    yield opened
    opened.close()


@pytest.fixture
def in_file(tmp_path: Path) -> Iterator[Record]:
    """An empty record in a file."""
    opened = Record.open(str(tmp_path / "readings.db"))
    yield opened
    opened.close()


def test_a_reading_is_kept_and_found_by_the_hash_of_its_patient(record: Record) -> None:
    patient = record.pseudonyms.of(PATIENT)
    assert patient
    first = record.add(reading(100), who="AB", patient=patient, age=98.5)
    record.add(reading(50), who="AB", patient=record.pseudonyms.of("another"), age=None)
    second = record.add(reading(112, "c"), who="AB", patient=patient, age=110.5)
    found = record.of_patient(patient)
    assert [entry.id for entry in found] == [first, second]
    assert [entry.bone_age_months for entry in found] == [100, 112]
    assert found[0].made_at.tzinfo is UTC
    assert found[0].chronological_age_months == 98.5


def test_neither_the_patient_nor_the_name_of_the_film_is_in_the_files(in_file: Record, tmp_path: Path) -> None:
    in_file.add(reading(), who="AB", patient=in_file.pseudonyms.of(PATIENT), age=120)
    in_file.close()
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"b" * 64 in held
    assert PATIENT.encode() not in held
    assert b"DOE" not in held


def test_a_reviewers_age_stands_beside_the_programs(record: Record) -> None:
    number = record.add(reading(120), who="AB", patient=None, age=None)
    entry = record.review(number, 114.0, "CD")
    assert (entry.bone_age_months, entry.reviewer_bone_age_months, entry.reviewer) == (120, 114, "CD")
    with pytest.raises(NoSuchReading):
        record.review(999, 114.0, "CD")


def test_a_film_read_again_for_the_same_patient_supersedes_its_earlier_reading(record: Record) -> None:
    patient = str(record.pseudonyms.of(PATIENT))
    first = record.add(reading(100), who="AB", patient=patient, age=98)
    elsewhere = record.add(reading(100), who="AB", patient=None, age=98)
    second = record.add(reading(100), who="AB", patient=patient, age=89)
    third = record.add(reading(104, sex=Sex.MALE), who="AB", patient=patient, age=89)
    assert [entry.id for entry in record.of_patient(patient)] == [third]
    marks = {row["id"]: row["superseded_by"] for row in exported(record)}
    assert marks == {str(first): str(second), str(elsewhere): "", str(second): str(third), str(third): ""}


def test_each_of_two_hands_in_a_picture_has_a_row_of_its_own(record: Record) -> None:
    patient = str(record.pseudonyms.of(PATIENT))

    def add(part: str | None, sex: Sex = Sex.FEMALE, **more: Any) -> int:
        return record.add(reading(100, sex=sex) | {"part": part}, who="AB", patient=patient, age=98, **more)

    picture = add(None)  # as a version that took it for one hand has read it
    record.review(picture, 114.0, "CD")
    left, right = add("left"), add("right")
    assert [(entry.id, entry.part) for entry in record.of_patient(patient)] == [(left, "left"), (right, "right")]
    assert record.entry(left).reviewer is None
    record.review(left, 108.0, "CD")
    again = add("left", instead_of=left)
    assert [(entry.id, entry.reviewer) for entry in record.of_patient(patient)] == [(right, None), (again, "CD")]
    other = record.move(right, str(record.pseudonyms.of("MRN-4712")), "AB")
    assert (other.part, [entry.id for entry in record.of_patient(patient)]) == ("right", [again])


def test_a_reading_may_correct_one_of_its_own_film_whosever_it_was(record: Record) -> None:
    wrong, right = str(record.pseudonyms.of("MRN-4771")), str(record.pseudonyms.of(PATIENT))
    mistyped = record.add(reading(100), who="AB", patient=wrong, age=98)
    record.review(mistyped, 114.0, "CD")
    another = record.add(reading(100) | {"image_sha256": "1" * 64}, who="AB", patient=wrong, age=98)
    new = record.add(reading(100), who="AB", patient=right, age=98, instead_of=mistyped)
    record.add(reading(100), who="AB", patient=right, age=98, instead_of=another)
    assert [entry.id for entry in record.of_patient(wrong)] == [another]
    entry = record.entry(new)
    assert entry.reviewer == "CD"


def test_a_review_outlasts_another_age_but_not_another_sex(record: Record) -> None:
    record.review(record.add(reading(), who="", patient=None, age=98), 114.0, "CD")
    entry = record.entry(record.add(reading(), who="", patient=None, age=89))
    assert (entry.reviewer_bone_age_months, entry.reviewer) == (114, "CD")
    entry = record.entry(record.add(reading(sex=Sex.MALE), who="", patient=None, age=89))
    assert (entry.reviewer_bone_age_months, entry.reviewer, entry.reviewed_at) == (None, None, None)


def test_a_reading_can_be_given_to_the_right_patient(record: Record) -> None:
    wrong, right = str(record.pseudonyms.of("MRN-4771")), str(record.pseudonyms.of(PATIENT))
    old = record.add(reading(100), who="AB", patient=wrong, age=98)
    record.review(old, 114.0, "CD")
    new = record.move(old, right, "EF")
    assert record.of_patient(wrong) == []
    assert record.of_patient(right) == [new]
    assert (new.who, new.bone_age_months, new.reviewer) == ("EF", 100, "CD")
    before, _ = exported(record)
    assert (before["patient"], before["who"], before["superseded_by"]) == (wrong, "AB", str(new.id))
    for number in (old, 999):
        with pytest.raises(NoSuchReading):
            record.move(number, right, "EF")


def test_a_withdrawn_reading_stays_and_counts_no_more(record: Record) -> None:
    patient = str(record.pseudonyms.of(PATIENT))
    number = record.add(reading(), who="AB", patient=patient, age=98)
    entry = record.withdraw(number, "CD")
    assert (entry.withdrawn_by, entry.bone_age_months) == ("CD", 120)
    assert record.withdraw(number, "EF") == entry  # who was first
    assert record.of_patient(patient) == []
    assert exported(record)[0]["withdrawn_by"] == "CD"
    with pytest.raises(NoSuchReading):
        record.move(number, None, "CD")
    with pytest.raises(NoSuchReading):
        record.withdraw(999, "CD")


def test_a_record_of_the_first_shape_is_brought_to_the_present_one(tmp_path: Path) -> None:
    place = tmp_path / "readings.db"
    opened = Record.open(str(place))
    number = opened.add(reading(), who="AB", patient=None, age=98)
    steps = Config()
    steps.set_main_option("script_location", str(MIGRATIONS))
    with opened._engine.begin() as connection:
        steps.attributes["connection"] = connection
        command.downgrade(steps, "0001")
    opened.close()
    again = Record.open(str(place))
    entry = again.entry(number)
    assert (entry.who, entry.superseded_by, entry.withdrawn_at) == ("AB", None, None)
    again.close()


def exported(record: Record) -> list[dict[str, str]]:
    """The rows of its table."""
    out = io.StringIO()
    record.export(out)
    return list(csv.DictReader(io.StringIO(out.getvalue())))


def test_the_export_is_a_table_for_a_later_comparison(record: Record) -> None:
    record.review(record.add(reading(120), who="=cmd()", patient=None, age=118.0), 114.0, "CD")
    out = io.StringIO()
    assert record.export(out) == 1
    (row,) = csv.DictReader(io.StringIO(out.getvalue()))
    assert row["bone_age_months"] == "120.0"
    assert row["reviewer_bone_age_months"] == "114.0"
    assert row["who"] == "'=cmd()"
    assert row["patient"] == ""


def test_it_opens_again_with_what_it_held(tmp_path: Path) -> None:
    place = str(tmp_path / "readings.db")
    record = Record.open(place)
    patient = record.pseudonyms.of(PATIENT)
    record.add(reading(), who="", patient=patient, age=None)
    record.close()
    again = Record.open(place)
    assert again.pseudonyms.of(PATIENT) == patient
    assert len(again.of_patient(str(patient))) == 1
    again.close()


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX")
def test_record_and_key_are_the_owners_alone(in_file: Record, tmp_path: Path) -> None:
    for name in ("readings.db", "readings.db.key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_the_migrations_lead_to_the_table_the_program_uses(tmp_path: Path) -> None:
    Record.open(str(tmp_path / "readings.db")).close()
    engine = create_engine(f"sqlite:///{tmp_path / 'readings.db'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_nullable": False})
        changes = [change for change in compare_metadata(context, READINGS.metadata) if "nullable" not in str(change)]
        assert [change for change in changes if "readings_by" not in str(change)] == []
        assert connection.execute(text("select version_num from alembic_version")).scalar() == "0005"
    engine.dispose()


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("nonsense://x", "no database URL"),
        ("postgresql+nodriver://host/db", "no database URL"),
    ],
)
def test_what_is_no_database_is_refused_in_a_sentence(place: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=reason):
        Record.open(place, tmp_path / "key")


def test_a_database_elsewhere_needs_a_place_for_its_key() -> None:
    with pytest.raises(BadConfig, match="--record-key"):
        Record.open("postgresql://host/db")


def test_a_server_that_is_not_there_or_says_no_is_a_sentence(server: str, tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match="cannot be used"):
        Record.open(server.replace("5432", "5433"), tmp_path / "key")
    with pytest.raises(CannotWrite, match=r"used: (there is no such database|the database does not answer)$"):
        Record.open(server.replace("/postgres?", "/elsewhere?"), tmp_path / "key")


def test_a_file_that_is_no_database_and_a_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, but long enough to have been one\n" * 40)
    with pytest.raises(CannotWrite, match="cannot be used"):
        Record.open(str(tmp_path / "notes.txt"))
    with pytest.raises(CannotWrite, match="cannot be written"):
        Record.open(str(tmp_path))


def test_what_a_reviewer_decided_stands_with_the_reading_and_what_was_rejected_counts_no_more(in_file: Record) -> None:
    patient = str(in_file.pseudonyms.of(PATIENT))
    kept = in_file.add(reading(), who="node", patient=patient, age=None)
    in_file.judge(kept, Judgement("correct", 131.0, "R"), "Roe^Ann")
    kept = in_file.add(reading(), who="node", patient=patient, age=None)  # read again
    entry = in_file.entry(kept)
    assert (entry.verdict, entry.reviewer_bone_age_months, entry.reviewer_laterality) == ("correct", 131.0, "R")
    assert (entry.reviewer, entry.withdrawn_at) == ("Roe^Ann", None)
    assert [one.id for one in in_file.of_patient(patient)] == [kept]
    entry = in_file.judge(kept, Judgement("reject", reason="another child's film"), "Roe^Ann")
    assert (entry.verdict, entry.verdict_reason, entry.withdrawn_by) == ("reject", "another child's film", "Roe^Ann")
    assert in_file.of_patient(patient) == []
    with pytest.raises(NoSuchReading):
        in_file.judge(999, Judgement("accept"), "Roe^Ann")
