"""The bodies of a job: drawn ones are made, files are loaded once and shared by the patients that have them."""

import threading
from collections import OrderedDict

from engine.batch.draw import PatientPlan
from engine.batch.job import AvatarFile
from engine.patient import Patient

KEPT = 2
"""Files kept loaded; consecutive patients mostly come from the same one."""


class Bodies:
    """May be used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[AvatarFile, Patient] = OrderedDict()

    def patient(self, plan: PatientPlan) -> Patient:
        """The plan's body without lesions, the caller's own. AvatarError where it can't be made or read."""
        from engine.avatar.load import from_glb

        if plan.body is not None:
            from engine.avatar.body import create

            return Patient(from_glb(create(plan.body), f"patient-{plan.number:05d}", 1.0))
        assert plan.file is not None
        with self._lock:
            return self._loaded(plan.file).bare()

    def _loaded(self, file: AvatarFile) -> Patient:
        from dataclasses import replace

        from engine.avatar.load import load

        key = replace(file, patients=0)
        if key not in self._kept:
            self._kept[key] = Patient(load(file.path, file.unit, file.height_m))
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]
