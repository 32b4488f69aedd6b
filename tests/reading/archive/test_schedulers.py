"""The scripts of docs/archive do what they say: their bodies are run as a scheduler runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from jobs import again, readings
from places import DOCS

from boneage.reading.archive.job import Job


def ran(job: Job, bin_folder: Path, command: list[str], **variables: str) -> None:
    """Run a script to its end, with the program on its path."""
    bin_folder.mkdir(exist_ok=True)
    program = bin_folder / "boneage"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m boneage "$@"\n')
    program.chmod(0o755)
    known = {"PATH": f"{bin_folder}:{os.environ['PATH']}", "JOB": str(job.folder)}
    ended = subprocess.run(
        command, env={**os.environ, **known, **variables}, capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == 0, ended.stderr


def test_the_body_of_the_job_array_reads_its_part(unbroken: Job, tmp_path: Path) -> None:
    job = again(unbroken, tmp_path / "job")
    script = ["bash", str(DOCS / "archive/slurm.sh")]
    ran(job, tmp_path / "bin", script, SLURM_ARRAY_TASK_ID="2", SLURM_ARRAY_TASK_COUNT="2")
    assert list(job.finished()) == [1]
    ran(job, tmp_path / "bin", script, SLURM_ARRAY_TASK_ID="1", SLURM_ARRAY_TASK_COUNT="2")
    assert readings(job) == readings(unbroken)


def test_the_job_array_is_told_before_its_time_is_up() -> None:
    """Without ``B:`` Slurm tells only the steps that srun starts, and this script starts none."""
    assert "#SBATCH --signal=B:TERM@60\n" in (DOCS / "archive/slurm.sh").read_text()


def manifest() -> dict[str, Any]:
    """The Indexed Job."""
    return yaml.safe_load((DOCS / "archive/kubernetes.yaml").read_text())


def test_the_command_of_the_indexed_job_reads_its_part(unbroken: Job, tmp_path: Path) -> None:
    job = again(unbroken, tmp_path / "job")
    (container,) = manifest()["spec"]["template"]["spec"]["containers"]
    command = [*container["command"], *container["args"]]
    ran(job, tmp_path / "bin", command, JOB_COMPLETION_INDEX="2", PARTS="3")
    assert list(job.finished()) == [2]


def test_the_indexed_job_has_as_many_parts_as_pods() -> None:
    spec = manifest()["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    told = {one["name"]: one["value"] for one in container["env"]}
    assert spec["completionMode"] == "Indexed"
    assert int(told["PARTS"]) == spec["completions"] == spec["parallelism"]
    assert told["JOB"].startswith(container["volumeMounts"][0]["mountPath"])
    names = {volume["name"] for volume in spec["template"]["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == names


def test_a_film_may_end_its_pod_as_often_as_it_is_tried() -> None:
    from boneage.reading.archive.journal import ANYONES

    assert manifest()["spec"]["backoffLimitPerIndex"] > ANYONES
