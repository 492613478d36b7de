"""What is recorded and what is filled up; the recording itself needs a GPU (tests/gpu)."""

import pytest
import torch

from betrayed.engine import cuda_graphs
from betrayed.engine.cuda_graphs import BatchRecorder


@pytest.fixture
def recorded(monkeypatch):
    """Shapes that were recorded, by something that gives what the function gives."""
    shapes = []

    class Recording:
        def __init__(self, function, given):
            shapes.append(tuple(given.shape))
            self.function = function

        def __call__(self, given):
            assert tuple(given.shape) == shapes[-1]
            return self.function(given)

    monkeypatch.setattr(cuda_graphs, "Recording", Recording)
    return shapes


def double(batch):
    return 2 * batch, batch.sum(1)


def test_the_second_full_batch_is_recorded_and_the_last_is_filled_up(recorded):
    recorder = BatchRecorder(double)
    wanted = []
    for count in (4, 4, 4, 2, 4, 1):
        batch = torch.randn(count, 3)
        twice, sums = recorder(batch)
        torch.testing.assert_close(twice, 2 * batch)
        torch.testing.assert_close(sums, batch.sum(1))
        wanted.append(len(recorded))
    assert recorded == [(4, 3)]
    assert wanted == [0, 1, 1, 1, 1, 1]


def test_a_larger_batch_or_another_size_begins_anew(recorded):
    recorder = BatchRecorder(double)
    for shape in ((2, 3), (1, 3), (2, 3), (4, 3), (4, 3), (4, 5), (3, 5), (4, 5)):
        batch = torch.randn(shape)
        torch.testing.assert_close(recorder(batch)[0], 2 * batch)
    assert recorded == [(2, 3), (4, 3), (4, 5)]


def test_what_cannot_be_recorded_is_done_as_it_is(monkeypatch, capsys):
    def refuse(*given):
        raise RuntimeError("operation not permitted")

    monkeypatch.setattr(cuda_graphs, "Recording", refuse)
    recorder = BatchRecorder(double)
    for _ in range(3):
        assert recorder(torch.ones(2, 3))[0].sum() == 12
    assert capsys.readouterr().err.count("operation not permitted") == 1
