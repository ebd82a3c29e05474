import io
import logging
from collections.abc import Callable
from typing import Any

import pytest

import homeostat as hs
from homeostat.current.runs import active
from homeostat.track.silent import SilentRun
from unit.callbacks.conftest import Told

torch: Any = pytest.importorskip("torch", reason="needs the extra `torch`")


def trained(loop: Any, model: Any, optimizer: Any, steps: int) -> list[float]:
    """Trains, and gives back each loss."""
    losses = []
    inputs = torch.linspace(-1, 1, 32).reshape(8, 4)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(inputs) - 1).square().mean()
        loss.backward()
        optimizer.step()
        loop.step(len(inputs), loss=loss)
        losses.append(loss.item())
    return losses


def network() -> tuple[Any, Any]:
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 1)
    return model, torch.optim.SGD(model.parameters(), lr=0.125)


def test_a_point_is_the_mean_of_its_steps(told: Told) -> None:
    """Every fifth step; steps that make no whole window are not there yet."""
    model, optimizer = network()
    losses = trained(hs.callbacks.torch(model, optimizer, every=5), model, optimizer, 12)

    steps, values = told.curve("loss")
    assert [5, 10] == steps
    assert [pytest.approx(sum(losses[:5]) / 5), pytest.approx(sum(losses[5:10]) / 5)] == values


def test_the_norm_is_that_of_all_gradients(told: Told) -> None:
    """As torch's own clipping sees it."""
    model, optimizer = network()
    trained(hs.callbacks.torch(model, optimizer, every=1), model, optimizer, 1)

    expected = torch.nn.utils.clip_grad_norm_(model.parameters(), 1e9)
    assert pytest.approx(float(expected)) == told.latest()["grad_norm"]


def test_rate_and_speed_are_told(told: Told) -> None:
    """The learning rate of each group, steps and samples a second."""
    model, _ = network()
    groups = [{"params": [model.weight], "lr": 0.5}, {"params": [model.bias], "lr": 0.25}]
    optimizer = torch.optim.SGD(groups)
    trained(hs.callbacks.torch(model, optimizer, every=2), model, optimizer, 2)

    latest = told.latest()
    assert (0.5, 0.25) == (latest["lr_0"], latest["lr_1"])
    assert pytest.approx(8 * latest["steps_per_s"]) == latest["samples_per_s"]


def test_the_device_is_waited_for_in_logged_steps_only(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values come over once in ten steps: in the others nothing asks a tensor for its number."""
    asked = []
    for name in ("tolist", "item", "__float__", "__bool__", "cpu", "numpy"):
        real = getattr(torch.Tensor, name)

        def spy(self: Any, *args: Any, _real: Any = real, _name: str = name) -> Any:
            asked.append(_name)
            return _real(self, *args)

        monkeypatch.setattr(torch.Tensor, name, spy)
    loop, loss = hs.callbacks.torch(every=10), torch.tensor(1.0)
    for _ in range(20):
        loop.step(loss=loss, other=loss)

    assert ["tolist", "tolist"] == asked


def test_a_loss_that_changes_in_place_was_logged_as_it_was(told: Told) -> None:
    """And low precision does not add up in low precision."""
    loop, loss = hs.callbacks.torch(every=300), torch.tensor(1.0, dtype=torch.bfloat16)
    for _ in range(300):
        loop.step(loss=loss)
    loop, changing = hs.callbacks.torch(every=2, first_step=2), torch.tensor(1.0)
    loop.step(changing=changing)
    changing.add_(5)
    loop.step(changing=changing)

    assert (1.0, 3.5) == (told.latest()["loss"], told.latest()["changing"])


def test_a_checkpoint_comes_back(told: Told) -> None:
    """Weights, state of the optimizer, step and whatever was added."""
    model, optimizer = network()
    loop = hs.callbacks.torch(model, optimizer, first_step=100)
    trained(loop, model, optimizer, 2)
    loop.checkpoint(epoch=3)

    state = torch.load(io.BytesIO(told.content("checkpoints/step-00000102.pt")), weights_only=True)
    assert (102, 3) == (state["step"], state["epoch"])
    assert torch.equal(model.weight, state["model"]["weight"])
    optimizer.load_state_dict(state["optimizer"])


def test_histograms_hold_every_parameter(told: Told) -> None:
    """Counts between the least and the greatest value."""
    model, optimizer = network()
    trained(hs.callbacks.torch(model, optimizer, histograms_every=2), model, optimizer, 3)

    found = told.table("histograms/step-00000002.json")
    assert (["weight", "bias"], [4, 1]) == (found["parameter"], [sum(counts) for counts in found["counts"]])


def test_a_silent_rank_does_nothing() -> None:
    """No transfer, no norm, no file."""
    model, optimizer = network()
    with active(SilentRun("rank-1")):
        loop = hs.callbacks.torch(model, optimizer, every=1, histograms_every=1)
        trained(loop, model, optimizer, 3)
        loop.checkpoint()

    assert 3 == loop.number


def test_what_is_no_loss_does_not_break_the_loop(
    told: Told, broken: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    """Tensors of several elements, texts, a run that fails: each is said once."""
    model, optimizer = network()
    loop = hs.callbacks.torch(model, optimizer, every=2)
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            loop.step(loss="low", vector=torch.ones(3))
        broken()
        trained(loop, model, optimizer, 6)
        loop.checkpoint()

    assert 1 == caplog.text.count("the disk is gone")
    assert 1 == caplog.text.count("could not convert string")
