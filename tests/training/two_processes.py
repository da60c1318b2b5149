"""As a program that torchrun starts twice: `two_processes.py DATA OUT` trains, the second process always late.

It comes when the images are packed already, and its own clock never reaches a checkpoint; the first one's does.
"""

import sys
import time
from pathlib import Path

import torch

from engine.training import trainer
from engine.training.devices import Devices
from engine.training.run import INNER, PACK, Run, Wishes
from engine.training.settings import Stage, TrainSettings
from engine.training.trainer import Report

STEPS = 2 * trainer.REPORT_EVERY
BATCH = 2
_SECONDS = 2.0

if __name__ == "__main__":
    torch.set_num_threads(1)
    data, output = map(Path, sys.argv[1:])
    trainer.CHECKPOINT_SECONDS = _SECONDS
    devices = Devices("cpu", "fp32")
    while not devices.first and not (output / INNER / PACK).is_file():
        time.sleep(0.05)

    def told(report: Report) -> None:
        if report.step == trainer.REPORT_EVERY:
            time.sleep(2 * _SECONDS)  # only the first process reports

    settings = TrainSettings(steps=STEPS, batch=BATCH, stages=(Stage(32, 1.0),))
    run = Run(Wishes((data,), output, settings, size="tiny", pack_mib=4, sheet_steps=2), devices, print)
    assert run.train(told)
