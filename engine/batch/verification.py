"""Whether a folder of results is as it was written: one run's, or a set of many patients, finished or not."""

from pathlib import Path

from engine.batch.layout import JOB, PATIENTS
from engine.errors import MoulageError
from engine.output import Verification
from engine.output import verify as verify_folder
from engine.output.folder import MANIFEST


def verify(path: Path) -> Verification:
    """Compare every file with the manifests. BadInput where there are none.

    A set that is still without a manifest of its own is read patient by patient; it is not complete.
    """
    if (path / MANIFEST).is_file() or not (path / JOB).is_file():
        return verify_folder(path)
    files, problems, unlisted = 0, list[str](), list[str]()
    for folder in sorted((path / PATIENTS).glob("*/")):
        prefix = folder.relative_to(path).as_posix()
        try:
            found = verify_folder(folder)
        except MoulageError as error:
            problems.append(f"{prefix}: {error}")
            continue
        files += found.files
        problems += [f"{prefix}/{problem}" for problem in found.problems]
        problems += [] if found.complete else [f"{prefix}: is not finished"]
        unlisted += [f"{prefix}/{name}" for name in found.unlisted]
    return Verification(files, False, tuple(problems), tuple(unlisted))
