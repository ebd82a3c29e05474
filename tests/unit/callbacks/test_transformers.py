import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import homeostat as hs
from unit.callbacks.conftest import Told

torch: Any = pytest.importorskip("torch", reason="needs the extra `torch`")
transformers: Any = pytest.importorskip("transformers", reason="transformers is not installed")
pytest.importorskip("accelerate", reason="what Trainer trains with is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # those of the library are not ours


class Rows(torch.utils.data.Dataset):  # type: ignore[misc]
    def __len__(self) -> int:
        return 32

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"input_ids": torch.full((4,), index), "labels": torch.tensor(index % 2)}


def trainer(folder: Path, callback: Any, **more: Any) -> Any:
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=40, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
    )
    model = transformers.BertForSequenceClassification(config)
    arguments = transformers.TrainingArguments(
        output_dir=str(folder), max_steps=4, logging_steps=2, use_cpu=True, report_to="none", disable_tqdm=True, **more
    )
    callbacks = [callback] if callback else []
    return transformers.Trainer(
        model=model, args=arguments, train_dataset=Rows(), eval_dataset=Rows(), callbacks=callbacks
    )


def test_what_trainer_logs_is_logged(told: Told, tmp_path: Path) -> None:
    """By global step and under its names; arguments and size of the model are params."""
    trained = trainer(tmp_path, hs.callbacks.transformers(), eval_strategy="steps", eval_steps=4)
    trained.train()

    expected = {key: [row[key] for row in trained.state.log_history if key in row] for key in ("loss", "eval_loss")}
    assert ([2, 4], expected["loss"]) == told.curve("loss")
    assert ([4], expected["eval_loss"]) == told.curve("eval_loss")
    params = told.detail.params
    assert (4, "BertForSequenceClassification") == (params["max_steps"], params["model_class"])
    assert sum(one.numel() for one in trained.model.parameters()) == params["trainable_parameters"]
    assert "weight_decay" not in params


def test_checkpoints_and_the_best_are_kept(told: Told, tmp_path: Path) -> None:
    """The files of each checkpoint, and which of them was the best."""
    callback = hs.callbacks.transformers(checkpoints=True)
    more = {"eval_strategy": "steps", "eval_steps": 2, "save_steps": 2, "load_best_model_at_end": True}
    trained = trainer(tmp_path, callback, **more)
    trained.train()

    names = {one.name for one in told.detail.artifacts}
    assert {"checkpoint-2/model.safetensors", "checkpoint-4/model.safetensors"} <= names
    assert trained.state.best_metric == told.latest()["best_metric"]
    assert told.detail.tags["best_model_checkpoint"] in {"checkpoint-2", "checkpoint-4"}


def test_a_run_that_fails_does_not_break_training(
    told: Told, broken: Callable[[], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The weights are what they would have been; the trouble is said once."""
    broken()
    weights = []
    with caplog.at_level(logging.WARNING):
        for callback in (None, hs.callbacks.transformers(checkpoints=True)):
            trained = trainer(tmp_path, callback, save_steps=2)
            trained.train()
            weights.append(trained.model.classifier.weight)

    assert torch.equal(*weights)
    assert 1 == caplog.text.count("the disk is gone")
