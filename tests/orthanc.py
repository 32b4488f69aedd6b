"""A real Orthanc, in a network namespace of its own: this version listens on every address."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

STORESCU = Path("/usr/bin/storescu")  # of DCMTK: pynetdicom installs one of the same name
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
HTTP, DIMSE, NODE = 8042, 4242, 11112  # ports; nothing else is in the namespace
ROUTE = """
function OnStoredInstance(instance, tags, metadata, origin)
  if tags['Modality'] == 'CR' or tags['Modality'] == 'DX' then SendToModality(instance, 'boneage') end
end
"""
LOOPBACK_UP = (  # what `ip link set lo up` does, where there is no ip
    "import fcntl, socket, struct, time\n"
    "with socket.socket() as s: fcntl.ioctl(s, 0x8914, struct.pack('16sh14x', b'lo', 0x41))\n"
    "print('up', flush=True)\n"
    "time.sleep(3600)\n"
)


class Orthanc:
    """Orthanc in its namespace, and what else runs there."""

    def __init__(self, folder: Path) -> None:
        for program in ("Orthanc", "nsenter", "unshare"):
            if shutil.which(program) is None and not Path("/usr/sbin", program).exists():
                pytest.skip(f"{program} is not installed (Debian: orthanc orthanc-dicomweb util-linux)")
        if not STORESCU.exists() or not PLUGIN.exists():
            pytest.skip("storescu or Orthanc's DICOMweb is not installed (Debian: dcmtk orthanc-dicomweb)")
        self.folder, self._running = folder, list[subprocess.Popen[Any]]()
        holder = self._begun(["unshare", "-n", sys.executable, "-c", LOOPBACK_UP], stdout=subprocess.PIPE)
        assert holder.stdout is not None
        if holder.stdout.readline().strip() != b"up":
            self.close()
            pytest.skip("no network namespace can be made here")
        self._inside = ["nsenter", "-t", str(holder.pid), "-n", "--preserve-credentials"]
        self.start(shutil.which("Orthanc") or "/usr/sbin/Orthanc", str(self._configured()))
        self.wait(lambda: self.rest("system"))

    def start(self, *command: str) -> subprocess.Popen[Any]:
        """Run a program in the namespace until the end."""
        with (self.folder / f"{Path(command[0]).name}.log").open("ab") as log:
            return self._begun([*self._inside, *command], stdout=log, stderr=log)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program in the namespace to its end."""
        return subprocess.run([*self._inside, *command], capture_output=True, text=True, timeout=120)

    def store(self, *films: Path) -> None:
        """Send films to Orthanc as a modality does."""
        ended = self.run(str(STORESCU), "-aec", "ORTHANC", "127.0.0.1", str(DIMSE), *map(str, films))
        assert ended.returncode == 0, ended.stderr

    def rest(self, path: str) -> Any:
        """What Orthanc answers to GET, as JSON; None while it does not."""
        code = "import sys, urllib.request as u; sys.stdout.write(u.urlopen(sys.argv[1], timeout=20).read().decode())"
        ended = self.run(sys.executable, "-c", code, f"http://127.0.0.1:{HTTP}/{path}")
        return json.loads(ended.stdout) if ended.returncode == 0 and ended.stdout else None

    def qido(self, study: str) -> list[dict[str, Any]]:
        """All objects of a study, by QIDO-RS: their attributes by tag."""
        return self.rest(f"dicom-web/studies/{study}/instances?includefield=all") or []

    def wait(self, condition: Any, seconds: float = 90) -> None:
        """Until a function gives something true."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "".join(path.read_text()[-2000:] for path in self.folder.glob("*.log"))
            time.sleep(0.2)

    def close(self) -> None:
        """End all that runs in the namespace, which then is gone."""
        for process in reversed(self._running):
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()

    def _begun(self, command: list[str], **options: Any) -> subprocess.Popen[Any]:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
        self._running.append(process)
        return process

    def _configured(self) -> Path:
        (self.folder / "route.lua").write_text(ROUTE)
        place = str(self.folder / "orthanc")
        values = {
            "StorageDirectory": place,
            "IndexDirectory": place,
            "HttpPort": HTTP,
            "DicomPort": DIMSE,
            "DicomAet": "ORTHANC",
            "RemoteAccessAllowed": False,
            "Plugins": [str(PLUGIN)],
            "LuaScripts": [str(self.folder / "route.lua")],
            "DicomModalities": {"boneage": ["BONEAGE", "127.0.0.1", NODE]},
            "DicomAlwaysAllowStore": True,
            "StableAge": 1,
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        }
        path = self.folder / "orthanc.json"
        path.write_text(json.dumps(values))
        return path


@contextlib.contextmanager
def orthanc(folder: Path) -> Iterator[Orthanc]:
    """An `Orthanc` that is ended at the end."""
    running = Orthanc(folder)
    try:
        yield running
    finally:
        running.close()
