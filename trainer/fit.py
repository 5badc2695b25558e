"""One CRNN: its training, and what it predicts (section 3.2 of the paper)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from monitor.errors import MonitorError
from trainer.augment import augment
from trainer.chunks import Examples
from trainer.models.crnn import Crnn
from trainer.predictions import Indices
from trainer.recipes import CrnnRecipe

PREDICT_BATCH = 256

Array = Examples | npt.NDArray[np.float32]


def fit(
    model: Crnn,
    log_mel: Array,
    truth: Indices,
    clip: Indices,
    examples: Indices,
    *,
    recipe: CrnnRecipe,
    partial: dict[str, Any] | None = None,
    epoch_done: Callable[[dict[str, float], dict[str, Any]], None],
) -> None:
    """Train one model and leave it in evaluation mode.

    Args:
        model: fresh, on the device to train on.
        log_mel: dB `[all examples, n_mels, frames]`.
        truth: class of each, `[all examples]`.
        clip: number of the clip that each is a channel of, `[all examples]`.
        examples: indices of those to learn from.
        recipe: how.
        partial: state to go on from, as `epoch_done` got it.
        epoch_done: called after every epoch with `loss` (mean), `learning_rate` (last), `seconds` and
            `input_seconds`, and with the state of the training.

    Raises:
        MonitorError: the loss is no longer a finite number.
    """
    device = next(model.parameters()).device
    # A fifth to a third faster on CPUs than the usual order in memory.
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model.train()
    # Without weight decay it is Adam.
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, betas=recipe.betas, weight_decay=recipe.weight_decay
    )
    if partial:
        model.load_state_dict(partial["model"])
        optimiser.load_state_dict(partial["optimiser"])
        _set_random_state(partial["random"], device)
    targets = np.eye(model.config.labels, dtype=np.float32)[truth]  # [all examples, labels]
    count = len(np.unique(clip[examples])) if recipe.one_channel else len(examples)
    updates = -(-count // recipe.batch)  # per epoch
    for epoch in range(partial["epoch"] + 1 if partial else 1, recipe.epochs + 1):
        started, waited, losses = time.perf_counter(), 0.0, []
        order = examples[torch.randperm(len(examples)).numpy()]
        if recipe.one_channel:
            _, first = np.unique(clip[order], return_index=True)
            order = order[np.sort(first)]
        batches = _batches(log_mel, targets, order, recipe.batch, device)
        for update in range((epoch - 1) * updates, epoch * updates):
            asked = time.perf_counter()
            x, y = next(batches)  # [B, n_mels, frames], [B, labels]
            waited += time.perf_counter() - asked
            x, y = augment(x, y, recipe.augment, recipe.log_mel)
            optimiser.param_groups[0]["lr"] = recipe.rate(update, recipe.epochs * updates)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
                loss = F.cross_entropy(model(x), y)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            losses.append(loss.detach())
        # Looked at once per epoch: on a GPU every look waits until all work is done.
        _check_finite(torch.stack(losses), model, epoch, recipe)
        facts = {
            "loss": float(torch.stack(losses).mean()),
            "learning_rate": optimiser.param_groups[0]["lr"],
            "seconds": time.perf_counter() - started,
            "input_seconds": waited,
        }
        state = {
            "epoch": epoch,
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
            "random": _random_state(device),
        }
        epoch_done(facts, state)
    model.eval()


def _batches(
    log_mel: Array,
    targets: npt.NDArray[np.float32],
    order: Indices,
    size: int,
    device: torch.device,
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Examples and their targets; a thread reads one batch while the model works on the one before."""

    def read(chosen: Indices) -> tuple[torch.Tensor, torch.Tensor]:
        x, y = torch.from_numpy(log_mel[chosen]), torch.from_numpy(targets[chosen])
        return (x.pin_memory(), y.pin_memory()) if device.type == "cuda" else (x, y)

    chosen = np.split(order, range(size, len(order), size))
    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(read, chosen[0])
        for following in [*chosen[1:], None]:
            x, y = ahead.result()
            if following is not None:
                ahead = reader.submit(read, following)
            yield x.to(device, non_blocking=True), y.to(device, non_blocking=True)


def _check_finite(losses: torch.Tensor, model: Crnn, epoch: int, recipe: CrnnRecipe) -> None:
    wrong = (~losses.isfinite()).nonzero()
    if len(wrong):
        update = int(wrong[0])
        what, where = f"the loss is {losses[update].item()}", f"epoch {epoch}, update {update + 1}"
    elif not all(weight.isfinite().all() for weight in model.parameters()):
        what, where = "weights are no longer finite numbers", f"epoch {epoch}, update {len(losses)}"
    else:
        return
    kept = f"the run directory keeps epoch {epoch - 1}; " if epoch > 1 else ""
    raise MonitorError(f"{what} in {where}; {kept}try a learning rate below {recipe.learning_rate:g}")


def predict(model: Crnn, examples: Examples, chosen: Indices) -> npt.NDArray[np.float32]:
    """Posteriors of examples.

    Args:
        model: in evaluation mode.
        examples: all of them.
        chosen: indices of those to predict.

    Returns:
        float32 `[chosen, labels]`.
    """
    device = next(model.parameters()).device
    batches = np.split(chosen, range(PREDICT_BATCH, len(chosen), PREDICT_BATCH))
    with torch.inference_mode():
        return np.concatenate(
            [
                model(torch.from_numpy(examples[batch]).to(device)).softmax(dim=1).cpu().numpy()
                for batch in batches
            ]
        )


def _random_state(device: torch.device) -> dict[str, torch.Tensor]:
    state = {"cpu": torch.get_rng_state()}
    return {**state, "cuda": torch.cuda.get_rng_state()} if device.type == "cuda" else state


def _set_random_state(state: dict[str, torch.Tensor], device: torch.device) -> None:
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"])
