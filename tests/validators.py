"""Programs of others that check DICOM objects; a test that needs one is skipped where it is not installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

DSRDUMP = Path("/usr/bin/dsrdump")  # of DCMTK: other packages install programs of the same names
PIXELMED = Path("/usr/share/java/pixelmed.jar")
_QUICKLY = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]  # it runs once: what compiles longest is not worth it
_UNLIMITED = [f"-Djdk.xml.xpath{name}=0" for name in ("ExprOpLimit", "ExprGrpLimit", "TotalOpLimit")]


def _run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, command)], capture_output=True, text=True, errors="replace", timeout=120)


def dciodvfy(path: Path) -> list[str]:
    """The errors that dicom3tools finds in an object."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (Debian: dicom3tools)")
    said = _run("dciodvfy", "-new", path).stderr.splitlines()
    assert not any(line.startswith("Abort") for line in said), said
    return [line for line in said if line.startswith("Error")]


def pixelmed(path: Path) -> list[str]:
    """The errors that PixelMed finds in a structured report, by its IOD and the template it names."""
    if not PIXELMED.exists() or shutil.which("java") is None:
        pytest.skip("PixelMed is not installed (Debian: libpixelmed-java default-jre-headless)")
    ended = _run("java", *_QUICKLY, *_UNLIMITED, "-cp", PIXELMED, "com.pixelmed.validate.DicomSRValidator", path)
    said = (ended.stdout + ended.stderr).splitlines()
    assert "Found Root Template TID_1500 (MeasurementReport)" in said, said
    assert "IOD validation complete" in said, said
    return [line for line in said if line.startswith("Error")]


def dsrdump(path: Path) -> str:
    """A structured report as DCMTK prints it."""
    if not DSRDUMP.exists():
        pytest.skip("dsrdump is not installed (Debian: dcmtk)")
    ended = _run(DSRDUMP, path)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
