"""Batches are split, halved where memory runs out, and counted; precision and threads follow what was measured."""

import logging

import pytest
import torch
from torch import Tensor

from engine.diffusion import checkpoint, precision
from engine.diffusion.batching import Batched
from engine.diffusion.denoiser import UNetDenoiser
from engine.errors import MoulageError
from tests.diffusion.field import FieldDenoiser


class Cramped:
    """Refuses batches beyond `room`, as torch's CPU allocator does."""

    conditional = False

    def __init__(self, room: int) -> None:
        self.room = room
        self.sizes: list[int] = []

    def __call__(self, x: Tensor, *more: Tensor) -> Tensor:
        self.sizes.append(len(x))
        if len(x) > self.room:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes.")
        return FieldDenoiser()(x, *more)


def inputs(count: int) -> tuple[Tensor, ...]:
    x = torch.randn(count, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    return x, torch.full((count,), 0.5), torch.zeros_like(x), torch.zeros(count, dtype=torch.long), torch.zeros(count)


def test_where_memory_runs_out_batches_are_halved_for_good_and_it_is_told(caplog):
    cramped = Cramped(room=3)
    batched = Batched(cramped, most=16)
    with caplog.at_level(logging.WARNING):
        answer = batched(*inputs(10))
    assert torch.equal(answer, FieldDenoiser()(*inputs(10)))
    assert cramped.sizes == [10, 5, 2, 2, 2, 2, 2]
    assert (batched.most, batched.largest, batched.evaluated) == (2, 2, 10)
    assert [record.message for record in caplog.records] == [
        "memory is short for 10 pictures at once: going on with 5",
        "memory is short for 5 pictures at once: going on with 2",
    ]
    batched(*inputs(4))
    assert cramped.sizes[7:] == [2, 2]


def test_no_memory_even_for_one_picture_is_one_clear_line():
    with pytest.raises(MoulageError, match="even for one picture"):
        Batched(Cramped(room=0), most=4)(*inputs(4))


def test_other_failures_are_not_taken_for_a_lack_of_memory():
    def broken(*_: Tensor) -> Tensor:
        raise RuntimeError("expected scalar type Float")

    broken.conditional = False
    with pytest.raises(RuntimeError, match="scalar type"):
        Batched(broken, most=4)(*inputs(4))


def test_it_asks_before_every_evaluation_and_stops_there():
    asked, cramped = [], Cramped(room=99)

    def before() -> None:
        asked.append(len(cramped.sizes))
        if len(asked) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Batched(cramped, 2, before)(*inputs(9))
    assert asked == [0, 1, 2] and cramped.sizes == [2, 2]


def test_an_attempt_that_failed_for_memory_is_not_counted():
    batched = Batched(Cramped(room=2), 4)
    batched(*inputs(8))
    assert batched.evaluated == 8


@pytest.fixture(scope="module")
def network() -> UNetDenoiser:
    return checkpoint.load(checkpoint.find("default"))


def test_the_choice_is_what_was_measured_and_is_measured_once(monkeypatch):
    seconds = {torch.float32: 1.0, torch.bfloat16: 0.5}
    monkeypatch.setattr(precision, "_OPTIMUM", {})
    monkeypatch.setattr(precision, "_lacks_bf16", lambda: False)
    monkeypatch.setattr(precision, "_convolution_seconds", lambda kind: seconds[kind])
    assert precision.choose(torch.device("cpu")) == precision.Choice("bf16", 2.0)
    seconds[torch.bfloat16] = 9.0
    assert precision.choose(torch.device("cpu")).precision == "bf16"
    monkeypatch.setattr(precision, "_OPTIMUM", {})
    assert precision.choose(torch.device("cpu")).precision == "fp32"


def test_the_measurement_runs_here_and_speaks(monkeypatch):
    monkeypatch.setattr(precision, "_OPTIMUM", {})
    monkeypatch.setattr(precision, "_lacks_bf16", lambda: False)
    choice = precision.choose(torch.device("cpu"))
    assert choice.precision in ("fp32", "bf16")
    assert "times as fast" in choice.text()


def test_a_busy_moment_does_not_choose_for_the_machine(monkeypatch):
    """Nothing disturbs a processor without bf16 arithmetic; elsewhere the best of many rounds counts."""
    busy = iter([1.0, 0.1] * 7 + [0.05, 0.1])
    monkeypatch.setattr(precision, "_convolution_seconds", lambda _: next(busy))
    monkeypatch.setattr(precision, "_OPTIMUM", {})
    monkeypatch.setattr(precision.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert precision.choose(torch.device("cpu")).text() == "fp32 (this processor has no bf16 arithmetic)"
    monkeypatch.setattr(precision, "_OPTIMUM", {})
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    assert precision.choose(torch.device("cpu")).precision == "fp32"


def test_bf16_weights_change_a_picture_by_less_than_two_percent_of_its_range(network):
    x = torch.randn(1, 4, 64, 64, generator=torch.Generator().manual_seed(0)) * 0.5
    more = (torch.full((1,), 0.5), torch.zeros_like(x), torch.zeros(1, dtype=torch.long), torch.zeros(1))
    half = precision.prepared(checkpoint.load(checkpoint.find("default")), precision.Choice("bf16", 2.0))
    with torch.inference_mode():
        exact, rounded = network(x, *more), half(x, *more)
    assert next(half.parameters()).dtype == torch.bfloat16 and rounded.dtype == torch.float32
    assert 0 < (rounded - exact).square().mean().sqrt() < 0.02 * 2


def test_little_memory_means_small_batches(network):
    cpu = torch.device("cpu")
    per_picture = precision.picture_mb(network)
    assert 20 < per_picture < 40
    assert precision.batch(network, cpu, 3.5 * per_picture) == 3
    assert precision.batch(network, cpu, 1) == 1
    assert precision.batch(network, cpu) > 1


def test_threads_are_within_what_this_process_may_use():
    assert 1 <= precision.threads() <= torch.get_num_threads()
