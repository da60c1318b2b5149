#!/bin/bash
# A job array: sbatch --array=1-50 docs/jobs/slurm.sh JOB.toml /shared/OUT
# Each task makes one shard in the same folder on a shared drive; the last one to finish makes the set's own files. After
# tasks were killed, submit the whole array again: its size is the number of shards, and what is finished is only verified.
#SBATCH --job-name=moulage
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --signal=B:TERM@120
set -euo pipefail
job=$1
out=$2
moulage batch "$job" -o "$out" --log-json --workers "$SLURM_CPUS_PER_TASK" --memory-limit 7500 \
    --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" &
child=$!
trap 'kill -TERM $child; wait $child' TERM
wait $child
