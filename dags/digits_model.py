"""The scikit-learn side of the examples: forests that read handwritten digits, and how good they are in use.

Half of scikit-learn's bundled digits train, the other half asks. Imported by tasks, never while a Dag file is parsed.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Artifact, Repository
    from airflow_provider_versioned.rollout import CanaryStep

ROUNDS = 4


def train_forest(images: int, trees: int, *, shuffle_labels: bool = False) -> str:
    """Train on the first training images and return the path of the saved forest, tens of MB.

    The file stands on this machine; with workers on several machines, write to an ObjectStoragePath instead.
    """
    training, _, labels, _ = _digits()
    if shuffle_labels:
        labels = np.random.default_rng(0).permutation(labels)
    forest = RandomForestClassifier(n_estimators=trees, random_state=0, n_jobs=2)
    forest.fit(training[:images], labels[:images])
    path = Path(tempfile.mkdtemp(prefix="digits-")) / "forest.joblib"
    joblib.dump(forest, path)
    return str(path)


def accuracy(path: str | Path) -> float:
    """Return the share of unseen images that a saved forest reads right."""
    _, images, _, labels = _digits()
    return float((joblib.load(path).predict(images) == labels).mean())


def canary_reads_better(step: CanaryStep, repository: Repository) -> tuple[bool, dict[str, Any]]:
    """Judge a rollout's step: send unseen images through the alias, and compare how many each version reads right.

    Each image asks `ROUNDS` times; each time the alias draws the version that answers, by weight.
    """
    alias = repository.get_alias(step.name, step.alias)
    _, images, _, labels = _digits()
    asked: dict[str, list[int]] = defaultdict(list)
    for request in range(ROUNDS * len(labels)):
        asked[alias.choose_version()].append(request % len(labels))
    right = {
        version: _answers(repository.get_artifact_version(step.name, version), images)[chosen] == labels[chosen]
        for version, chosen in asked.items()
    }
    canary, stable = right[step.canary], right[step.stable]
    measured = {
        "canary_accuracy": round(float(canary.mean()), 4),
        "canary_requests": len(canary),
        "stable_accuracy": round(float(stable.mean()), 4),
        "stable_requests": len(stable),
    }
    return bool(canary.mean() > stable.mean()), measured


def _answers(artifact: Artifact, images: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        forest = joblib.load(artifact.download(Path(folder) / "forest.joblib"))
    return forest.predict(images)


def _digits() -> Any:
    images, labels = load_digits(return_X_y=True)
    return train_test_split(images, labels, test_size=0.5, random_state=0, stratify=labels)
