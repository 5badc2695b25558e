"""Cross-validated linear support vector machines on embeddings: data set and recipe -> run directory.

As in section 3.1 of the paper: embeddings are standardised, one machine for each class is trained against the
rest, and C is chosen on the folds. The machines that predict the evaluation partition are trained on all
folds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trainer import run
from trainer.datasets import DataSet
from trainer.embeddings import extract
from trainer.grid import choose
from trainer.recipes import EmbeddingRecipe
from trainer.training import Material, Settings, begin, check_out, finish, known_folds


def train(
    data: DataSet,
    recipe: EmbeddingRecipe,
    out: Path,
    folds: list[int] | None,
    settings: Settings,
    *,
    resume: bool = False,
) -> dict[str, Any]:
    """Train and test support vector machines and write a run directory.

    The same embeddings give the same bytes of `predictions.csv`, whatever the number of threads.

    Args:
        data: what to learn from.
        recipe: how.
        out: run directory: new or empty, or an unfinished run's with `resume`.
        folds: folds to test; the machines of fold k are trained on all the others. None: all.
        settings: device, threads and cache; each thread takes 16 bytes for every number in the embeddings.
        resume: go on with the run in `out`; what is not done again are the embeddings.

    Returns:
        What is written to `results.json`: `evaluate.summarise` and `Choice.results`.

    Raises:
        MonitorError: unknown fold, unreadable clip, `out` not fit, weights that do not fit, or no CUDA.
    """
    folds = known_folds(folds, data)
    check_out(out, resume=resume)
    material = Material(data, extract(data.clips, recipe, settings))
    config = begin(out, material, recipe, folds, settings, resume=resume)

    choice = choose(material, folds, settings.threads)
    run.save_svm(out, choice.machines)
    return finish(out, config, choice.development, choice.evaluation, choice.results(material))
