"""One process of `benchmarks.batch`: a job of prepared avatars run by `engine.batch.run`; a JSON line tells of it.

python -m benchmarks.batch_work '{"avatars": [...], "each": 1, "lesions": 9, ...}'
"""

import json
import sys
import time
from pathlib import Path
from typing import Any


def job_of(asked: dict[str, Any]) -> Any:
    """The job: `each` patients of every avatar, with `lesions` nevi each."""
    from engine.batch.job import AvatarFile, Distribution, Job, LesionGroup, Network, Outputs

    sources = tuple(AvatarFile(Path(path), asked["each"]) for path in asked["avatars"])
    group = LesionGroup((("nevus", 1.0),), Distribution.fixed(float(asked["lesions"])))
    network = Network(steps=asked["steps"], detail=asked["detail"], precision="fp32")
    outputs = Outputs(preview=asked["preview"], contact_sheet=False)
    return Job("benchmark", asked.get("seed", 1), sources, (group,), network=network, outputs=outputs)


def main() -> None:
    """Run and report: seconds (from loaded networks to the last patient), painting_s, painters, patients, peak_mb."""
    started = time.perf_counter()
    asked = json.loads(sys.argv[1])
    from engine.batch.executors import Local
    from engine.batch.runner import run
    from engine.stages import peak_memory_mb

    local = Local(painters=asked["painters"])
    outcome = run(job_of(asked), asked["out"], local, shard=tuple(asked.get("shard", (1, 1))))
    told = outcome.progress
    assert not outcome.failed, outcome.failed
    print(
        json.dumps(
            {
                "seconds": told.seconds,
                "start_s": time.perf_counter() - started - told.seconds,
                "painting_s": told.painting_s,
                "painters": asked["painters"],
                "made": told.made,
                "lesions": told.lesions,
                "peak_mb": peak_memory_mb(),
            }
        )
    )


if __name__ == "__main__":
    main()
