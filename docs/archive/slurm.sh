#!/bin/bash
#SBATCH --job-name=boneage
#SBATCH --array=1-100
#SBATCH --cpus-per-task=1
#SBATCH --mem=1G
#SBATCH --time=12:00:00
#SBATCH --signal=B:TERM@60
#SBATCH --requeue
# JOB: the folder that `boneage archive plan` wrote, on a disk of all nodes. Submit with: sbatch --export=ALL,JOB=/shared/job slurm.sh
# Submitted again, it reads what is left. Any other scheduler: set the two variables to its own K, from 1, and N.
set -eu
exec boneage archive run "$JOB" --workers "${SLURM_CPUS_PER_TASK:-1}" --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
