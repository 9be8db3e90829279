"""Interleavings that once went wrong go right, go wrong without what mends them, and others are tried at random."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from airflow_provider_versioned.repository.destroy import Destroyer
from airflow_provider_versioned.repository.following import Replaced
from airflow_provider_versioned.repository.latest import Latest
from airflow_provider_versioned.repository.putting import _Putting
from airflow_provider_versioned.repository.removal import Removal
from airflow_provider_versioned.repository.versions import Hiding, Versions
from tests.interleavings.explorer import Tried, explore, random_trials, shrunk
from tests.interleavings.trial import Laboratory, Trial
from tests.repository.planting import plant

if TYPE_CHECKING:
    from collections.abc import Iterator

A, X = ("put", "A"), ("put", "X")
PUBLISH_A, PUBLISH_X = ("publish", "A"), ("publish", "X")
PURGE, DELETE, RESTORE = ("purge",), ("delete",), ("restore",)
NOT_WRITTEN, NOT_SAID = ("put that died before the object", "Q"), ("put that died after the object", "Q")
NOT_COPIED = ("publish that died before the copy", "Q")
TO_ITS_END = 30

# What is taken away, and an interleaving that goes wrong without it.
PLANTED = {
    "an overruled put may still expect its object": (
        (Replaced, "of", "overruling(item, own)", "frozenset()"),
        Trial((A,), (X, X, A), ((0, 1), (1, 5), (2, 2))),
    ),
    "a put that has landed may be sent again": (
        (Latest, "bring_in_line", "if overruled :=", "if False and (overruled := frozenset()) and"),
        Trial((A,), (X, A), ((0, 2), (1, 5)), lost=(0, 1)),
    ),
    "what has landed is said first": (
        (Latest, "look", "seen.etag != item.etag", "False"),
        Trial((NOT_SAID,), (PURGE,), ()),
    ),
    "a publish before is copied first": (
        (Latest, "prepared", "item.pending_version is not None", "False"),
        Trial((), (PUBLISH_A, PUBLISH_X), ((1, 4), (0, 5), (1, 1))),
    ),
    "a purge looks at what was announced": (
        (Destroyer, "_remove_records", "mark is not None and not", "False and not"),
        Trial((NOT_SAID,), (PURGE,), ()),
    ),
    "a purge deletes no object that a put has brought": (
        (Destroyer, "_fence", "both(ArtifactItem.state == PURGING, before)", "(ArtifactItem.state == PURGING)"),
        Trial((NOT_WRITTEN,), (X, PURGE), ((0, 3), (1, 5), (0, 2), (1, 4)), lost=(0, 2)),
    ),
    "a purge says with its mark which object goes": (
        (Removal, "_fenced", "*hiding.actions, saying", "*hiding.actions"),
        Trial((A,), (PURGE, PUBLISH_A, PURGE), ((2, 5),)),
    ),
    "a purge gives up copies in parts": (
        (Destroyer, "_abort_copies", "if upload.key == key:", "if False:"),
        Trial((NOT_COPIED,), (PURGE, PURGE), ((1, 7), (1, 6)), backwards=True, in_parts=True),
    ),
    "a purge asks whose an object is after it was listed": (
        (Destroyer, "_ownerless", "set(given(self._remains.items(asked, name)))", "set()"),
        Trial((), (PURGE, ("publish", "Y")), ((0, 3), (1, 2), (1, 1)), backwards=True),
    ),
    "a deletion looks at what was announced": (
        (Hiding, "__init__", "there = both(there, settled)", "pass"),
        Trial((A, NOT_COPIED), (DELETE,), ()),
    ),
    "a restoration is made once": (
        (
            Versions,
            "_restore_latest",
            "if self._latest.show(asked, item, shown):",
            "if not self._latest.show(asked, item, shown):",
        ),
        Trial((A, DELETE), (RESTORE, DELETE), ((0, 3), (1, 2))),
    ),
    "a restoration leaves the mark of a put": (
        (Latest, "showing", "if item.pending is not None and", "if False and"),
        Trial((NOT_SAID,), (RESTORE, DELETE, A), ((2, 4), (1, 5), (0, 3), (2, 1)), dead=(2,)),
    ),
    "a deletion is sent again with a token": (
        (Versions, "delete", "self._table.transact(asked, writes)", "self._table.write_together(asked, writes)"),
        Trial((A,), (PUBLISH_X, DELETE), ((1, 2),), lost=(1, 1)),
    ),
    "a put that is sent again does not write twice": (
        (_Putting, "_write_object", "if not lost.repeated:", "if True:"),
        Trial((A,), (X, A), ((0, 2), (1, TO_ITS_END)), lost=(0, 1)),
    ),
    "hidden bytes come back where they can have no other ETag": (
        (Latest, "shown", "if item.pending_version is not None", "if True or item.pending_version is not None"),
        Trial((A, NOT_WRITTEN), (A, DELETE), ()),
    ),
}
OTHERS = (
    Trial((A,), (PURGE, X, ("publish with a key", "Y")), ((0, 2), (1, 3))),
    # Found on 23 November 2026, and mended.
    Trial((A, NOT_WRITTEN), (PUBLISH_A, PUBLISH_A), ((1, 5), (0, 1), (1, 3), (0, 7), (1, 2)), dead=(1,)),
    Trial((A, NOT_WRITTEN), (PURGE, PUBLISH_A), ((1, 5),)),
    Trial((NOT_COPIED,), (PURGE, PUBLISH_A), ((1, 6), (0, 6), (1, 1))),
    Trial((A, NOT_COPIED), (PURGE, A), ((1, 1), (1, 5)), lost=(1, 4)),
    Trial((A, DELETE), (A, PURGE, PUBLISH_X), ((0, 3), (1, 5))),
    Trial((A, DELETE), (PUBLISH_X, A), ((1, 6), (0, 1), (0, 7)), dead=(0,), lost=(1, 5)),
    Trial((A,), (A, PURGE, RESTORE), ((1, 6), (0, 3)), dead=(0,)),
    Trial((NOT_SAID,), (A, PURGE, RESTORE), ((1, 7), (0, 3), (2, 4))),
    Trial((A, NOT_SAID), (PURGE, A), ((0, 4), (1, 2), (0, 3), (1, 2))),
    Trial((A,), (PURGE, PUBLISH_A, PUBLISH_X, PURGE), ((0, 5), (2, 7), (3, 3))),
    Trial((), (A, PURGE, A, PUBLISH_A), ((3, 6), (1, 4), (0, 3), (1, 8), (2, 4))),
    Trial((), (PURGE, PUBLISH_A, PUBLISH_A), ((1, 2), (2, 2))),
    Trial((A, NOT_WRITTEN), (A, PURGE, A), ((0, 6), (1, 7), (2, 3), (1, 5), (2, 1))),
    Trial((PUBLISH_X,), (PURGE, PURGE, X), ((0, 3), (2, 4)), lost=(2, 3)),
)


@pytest.fixture
def laboratory() -> Iterator[Laboratory]:
    """S3 and DynamoDB in memory."""
    with Laboratory.open() as opened:
        yield opened


@pytest.mark.parametrize("trial", [trial for _, trial in PLANTED.values()] + list(OTHERS), ids=str)
def test_interleaving_goes_right(laboratory: Laboratory, trial: Trial) -> None:
    outcome = laboratory.run(trial)

    assert outcome.problems == [], outcome


@pytest.mark.parametrize(("bug", "trial"), PLANTED.values(), ids=PLANTED)
def test_interleaving_goes_wrong_without_what_mends_it(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch, bug: tuple[type, str, str, str], trial: Trial
) -> None:
    plant(monkeypatch, *bug)

    assert laboratory.run(trial).problems != []


@pytest.mark.parametrize("seed", range(1, 9))
def test_no_interleaving_goes_wrong(laboratory: Laboratory, seed: int) -> None:
    for tried in itertools.islice(explore(laboratory, seed), 60):
        assert tried.outcome.problems == [], shrunk(laboratory, tried)


def test_same_seed_tries_the_same(laboratory: Laboratory) -> None:
    trials = list(itertools.islice(random_trials(5), 20))

    assert trials == list(itertools.islice(random_trials(5), 20))
    assert trials != list(itertools.islice(random_trials(6), 20))


def test_what_is_found_is_made_small(laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, Destroyer, "_remove_records", "mark is not None and not", "False and not")
    trial = Trial((NOT_SAID,), (PURGE, DELETE), ((1, 1),), tick=1.2)

    found = shrunk(laboratory, Tried(trial, laboratory.run(trial)))

    assert found.trial == Trial((NOT_SAID,), (PURGE,), ())
    assert "purge" in str(found)
