"""The node: films in, documents out; nothing lost and nothing twice."""

from __future__ import annotations

import csv
import io
import time
import urllib.request
from pathlib import Path

import pytest
from clinical_films import CR, DX, HEADER, SC, film, hand_pixels, noise_pixels, opened, tells_patient
from command import boneage, done, refused
from dicom_files import compressed, written
from hands import predictor
from nodes import NodeProcess, node, settings, toml
from pacs import echo, pacs, send
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from boneage.apps.dicom.classes import NO_ROOM, SENT
from boneage.apps.dicom.node import SpoolCollector, create_node
from boneage.clinic.documents.bundle import DICOM
from boneage.clinic.record import Record
from boneage.errors import BadConfig

KINDS = 3  # documents of a film that a destination gets unless it asks for others


def films(count: int) -> list[bytes]:
    """Different films of one hand: each has a UID of its own."""
    return [film(SOPInstanceUID=f"1.2.3.{number}", SOPClassUID=(CR, DX, SC)[number % 3]) for number in range(count)]


def test_a_film_comes_in_and_its_documents_go_out_to_the_same_study(tmp_path: Path) -> None:
    with pacs() as archive, node(tmp_path, archive) as running:
        assert echo(running.port) == 0
        assert send(running.port, film()) == [0]
        archive.wait(KINDS)
    found = archive.datasets()
    assert {one.SOPClassUID for one in found} == SENT.keys() - {"1.2.840.10008.5.1.4.1.1.88.33"}
    assert {one.StudyInstanceUID for one in found} == {HEADER["StudyInstanceUID"]}
    assert {str(one.PatientName) for one in found} == {HEADER["PatientName"]}
    assert not list((tmp_path / "spool" / "films").iterdir())
    assert not list((tmp_path / "spool" / "documents").iterdir())
    assert boneage("node", "status", toml(tmp_path, archive)).out.startswith(
        "films: 0 waiting, 0 held, 0 ready, 1 done"
    )


@pytest.mark.slow
def test_every_transfer_syntax_is_taken_and_what_shows_no_hand_is_answered_with_a_refusal(tmp_path: Path) -> None:
    small = hand_pixels(160)
    plain = (ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
    packed = (RLELossless, JPEG2000Lossless, JPEGLSLossless)
    sent = [written(opened(film(small)), syntax) for syntax in plain[:1]]
    sent += [compressed(opened(film(small, SOPInstanceUID=f"1.2.{n}")), one) for n, one in enumerate(packed)]
    sent.append(film(noise_pixels(), SOPInstanceUID="1.2.9"))
    with pacs() as archive, node(tmp_path, archive) as running:
        assert send(running.port, *sent) == [0] * len(sent)
        archive.wait(KINDS * len(sent))
    assert not archive.differing
    outcomes = [item for item in archive.datasets() if item.Modality == "SR" and "not_a_hand" in str(item)]
    assert len(outcomes) == 1


def test_a_film_that_comes_again_is_answered_once(tmp_path: Path) -> None:
    with pacs() as archive, node(tmp_path, archive) as running:
        assert send(running.port, film(), film()) == [0, 0]
        archive.wait(KINDS)
        assert send(running.port, film(), film(SOPInstanceUID="1.2.3")) == [0, 0]
        archive.wait(2 * KINDS)
    assert set(archive.copies.values()) == {1}
    assert len(archive.objects) == 2 * KINDS


def test_what_is_no_film_is_given_up_with_a_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    broken = opened(film(SOPInstanceUID="1.2.4"))
    del broken.PixelData
    broken.Rows = 0
    with pacs() as archive, node(tmp_path, archive) as running:
        assert send(running.port, written(broken), film(StudyInstanceUID=None), film()) == [0, 0, 0]
        archive.wait(KINDS)
        until(lambda: running.spool.state()["films"]["failed"] == 2)
        reasons = " ".join(one["reason"] for one in running.spool.state()["failures"])
    assert "no valid study UID" in reasons
    assert not tells_patient(reasons)


def until(condition: object, seconds: float = 60) -> None:
    """Wait until a function gives something true."""
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_while_the_destination_is_down_documents_wait_and_then_arrive_once(tmp_path: Path) -> None:
    with pacs() as archive:
        archive.down()
        with node(tmp_path, archive) as running:
            assert send(running.port, *films(2)) == [0, 0]
            until(
                lambda: running.spool.state()["destinations"] and running.spool.state()["destinations"][0]["last_error"]
            )
        shown = boneage("node", "status", toml(tmp_path, archive), "--json").out
        assert "pacs cannot be reached" in shown
        archive.up()
        archive.status = NO_ROOM  # it answers, but has no room
        with node(tmp_path, archive) as running:
            until(lambda: "A700" in str(running.spool.state()["destinations"]))
            archive.status = 0
            archive.wait(2 * KINDS)
    assert set(archive.copies.values()) == {1}


def test_a_destination_gets_the_documents_that_it_asks_for(tmp_path: Path) -> None:
    from boneage.apps.dicom.settings import Destination

    with pacs(syntaxes=(ImplicitVRLittleEndian,)) as archive:
        to = Destination("old", host="127.0.0.1", port=archive.port, ae_title="PACS", documents=("sr", "capture"))
        with node(tmp_path, archive, destinations=(to,)) as running:
            send(running.port, film())
            archive.wait(2)
    assert {one.Modality for one in archive.datasets()} == {"SR", "OT"}
    assert "1.2.840.10008.5.1.4.1.1.88.33" in {one.SOPClassUID for one in archive.datasets()}


@pytest.mark.slow
def test_a_full_spool_says_so_to_the_sender_and_takes_films_again_later(tmp_path: Path) -> None:
    with pacs() as archive:
        archive.down()
        with node(tmp_path, archive, limits={"spool": 200_000}) as running:
            assert send(running.port, *films(2)) == [0, NO_ROOM]
            archive.up()
            archive.wait(KINDS)
            until(lambda: running.spool.state()["films"]["done"] == 1)
            assert send(running.port, *films(2)) == [0, 0]
            archive.wait(2 * KINDS)


def test_metrics_and_a_log_without_names(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pacs() as archive, caplog.at_level("DEBUG"), node(tmp_path, archive, metrics_port=port) as running:
        send(running.port, film(), film(StudyInstanceUID=None))
        archive.wait(KINDS)
        until(lambda: running.spool.state()["films"]["failed"] == 1)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            text = answer.read().decode()
    for word in ('boneage_node_received_total{outcome="stored"} 2.0', 'boneage_node_films{state="failed"} 1.0'):
        assert word in text
    said = "\n".join(record.getMessage() for record in caplog.records)
    for secret in ("4711", "elik", "ACC-471", HEADER["StudyInstanceUID"]):
        assert secret not in said
        assert secret not in text


def test_two_nodes_on_one_spool_and_a_port_in_use_are_refused(tmp_path: Path) -> None:
    with pacs() as archive, node(tmp_path, archive) as running:
        with pytest.raises(BadConfig, match="in use by another node"):
            create_node(predictor(), settings(tmp_path, archive))
        with pytest.raises(BadConfig, match="cannot be listened on"):
            create_node(predictor(), settings(tmp_path / "other", archive, port=running.port))
        create_node(predictor(), settings(tmp_path / "other", archive)).stop()  # nothing of the failed one is left


@pytest.mark.slow
def test_the_command_runs_until_it_is_told_to_end(tmp_path: Path) -> None:
    with pacs() as archive:
        process = NodeProcess(toml(tmp_path, archive))
        assert echo(process.port) == 0
        assert send(process.port, film()) == [0]
        archive.wait(KINDS)
        assert process.stop() == 0
    log = (tmp_path / "node.log").read_text()
    assert "read, with an age" in log
    assert "Traceback" not in log
    refused(
        "node",
        "status",
        toml(tmp_path / "new", archive) if (tmp_path / "new").mkdir() is None else "",
        because="no spool",
    )


def test_with_a_person_in_between_nothing_leaves_undecided(tmp_path: Path) -> None:
    """Accepted, corrected and rejected; the record has the reviewer's age."""
    reviewer = ("--observer", "Roe^Ann", "--organisation", "Ward 9")
    record = tmp_path / "readings.db"
    with pacs() as archive, node(tmp_path, archive, hold=True, record=str(record)) as running:
        file = toml(tmp_path, archive)
        assert send(running.port, *films(3)) == [0, 0, 0]
        until(lambda: running.spool.state()["films"]["held"] == 3)
        assert archive.objects == {}
        keys = [line.split()[0] for line in done("node", "held", file).out.splitlines()]
        assert "elik" not in done("node", "held", file).out
        refused("node", "decide", file, keys[0], "correct", *reviewer, because="a correction gives")
        done("node", "decide", file, keys[0], "accept", *reviewer)
        done("node", "decide", file, keys[1], "correct", *reviewer, "--bone-age", 131, "--side", "right")
        done("node", "decide", file, keys[2], "reject", *reviewer, "--reason", "blurred")
        archive.wait(2 * KINDS)
        until(lambda: running.spool.state()["films"]["done"] == 3)
    reports = [one for one in archive.datasets() if one.Modality == "SR"]
    assert {one.VerificationFlag for one in reports} == {"VERIFIED"}
    assert {str(one.VerifyingObserverSequence[0].VerifyingObserverName) for one in reports} == {"Roe^Ann"}
    numbers = [{float(found.value) for found in one.iterall() if found.keyword == "NumericValue"} for one in reports]
    assert sum(131.0 in each for each in numbers) == 1
    assert len(archive.objects) == 2 * KINDS
    written_record = exported(record)
    assert "131.0" in written_record
    assert not tells_patient(written_record)
    rows = list(csv.DictReader(io.StringIO(written_record)))
    assert sorted(row["verdict"] for row in rows if row["verdict"]) == ["accept", "correct", "reject"]
    (rejected,) = (row for row in rows if row["verdict"] == "reject")
    assert (rejected["verdict_reason"], rejected["withdrawn_by"]) == ("blurred", "Roe^Ann")


def exported(place: Path) -> str:
    """A record as a table."""
    out, record = io.StringIO(), Record.open(str(place))
    record.export(out)
    record.close()
    return out.getvalue()


@pytest.mark.slow
def test_killed_at_any_moment_it_loses_nothing_and_sends_nothing_twice(tmp_path: Path) -> None:
    """Four rounds; `benchmarks/node.py` has fifty, with a destination that is down and a disk that is full."""
    rounds, acknowledged = 4, set[str]()
    with pacs() as archive:
        file = toml(tmp_path, archive)
        for number in range(rounds):
            process = NodeProcess(file)
            uid = f"1.2.3.{number}"
            assert send(process.port, film(SOPInstanceUID=uid)) == [0]
            acknowledged.add(uid)
            time.sleep(0.15 * number)
            process.kill()
        process = NodeProcess(file)
        archive.wait(KINDS * rounds)
        assert process.stop() == 0
    sources = [one for one in archive.datasets() if one.Modality == "DOC"]
    assert {one.SourceInstanceSequence[0].ReferencedSOPInstanceUID for one in sources} == acknowledged
    assert len(archive.objects) == KINDS * rounds
    assert not archive.differing
    assert set(DICOM) >= {"bone-age.pdf.dcm"}


def test_a_spool_that_cannot_be_read_is_a_number_among_the_metrics(tmp_path: Path) -> None:
    with pacs() as archive:
        idle = create_node(predictor(), settings(tmp_path, archive))
        collector = SpoolCollector(idle.spool, idle.doorkeeper)
        readable = [one.samples[0].value for one in collector.collect() if "readable" in one.name]
        idle.spool._connection.close()
        (alone,) = collector.collect()
        idle.stop()
    assert (readable, alone.samples[0].value) == ([1], 0)
