"""`boneage container` as orchestrators start a container: any user without rights, a read-only root, no network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import boneage

USER = 12345
READ_ONLY = (  # a mount namespace whose root cannot be written, but for the results; then a user without any rights
    "mount --make-rprivate / && mount --bind {out} {out} && mount -o remount,bind,ro / && "
    "exec setpriv --reuid {user} --regid {user} --clear-groups --inh-caps=-all --bounding-set=-all "
    "--no-new-privs {command}"
)


def confined(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Run it from a folder into another, by mercure's variables; skips where no namespace can be made."""
    for program in ("unshare", "setpriv", "mount"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (Debian: util-linux mount)")
    if os.geteuid() != 0:
        pytest.skip("only root can make the namespaces that stand for a container")
    target.chmod(0o777)
    above = [place for place in target.parents if place.is_relative_to(tempfile.gettempdir())]
    for place in above[:-1]:
        place.chmod(place.stat().st_mode | 0o055)
    command = f"{sys.executable} -c 'from boneage.apps.cli import main; main()' container"
    ended = subprocess.run(
        ["unshare", "-m", "-n", "sh", "-c", READ_ONLY.format(out=target, command=command, user=USER)],
        capture_output=True,
        text=True,
        timeout=120,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(boneage.__file__).parents[1]),
            "MERCURE_IN_DIR": str(source),
            "MERCURE_OUT_DIR": str(target),
        },
    )
    if "denied" in ended.stderr and "mount" in ended.stderr:
        pytest.skip("no mount namespace can be made here")
    return ended
