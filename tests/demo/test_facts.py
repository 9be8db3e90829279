"""From XComs to facts."""

from __future__ import annotations

from demo.facts import Check, Retained


def test_check_from_xcoms_joins_the_step_and_its_judgement() -> None:
    step = {"name": "digits", "alias": "prod", "stable": "1", "canary": "2", "weight": 5, "live": True}
    detail = {"stable_accuracy": 0.9, "canary_accuracy": 0.97, "stable_requests": 3000, "canary_requests": 170}

    assert Check.from_xcoms(step, {"verdict": "success", "detail": detail}) == Check(
        weight=5,
        stable="1",
        canary="2",
        stable_accuracy=0.9,
        canary_accuracy=0.97,
        stable_requests=3000,
        canary_requests=170,
        verdict="success",
    )


def test_retained_from_xcom_lists_all_versions_newest_first() -> None:
    plan = {
        "purged_versions": [{"name": "digits", "version": "9", "reason": "old"}],
        "kept_versions": [
            {"name": "digits", "version": "10", "reason": "newest"},
            {"name": "digits", "version": "2", "reason": "alias prod"},
        ],
    }

    assert [(entry.version, entry.purge, entry.reason) for entry in Retained.from_xcom(plan)] == [
        ("10", False, "newest"),
        ("9", True, "old"),
        ("2", False, "alias prod"),
    ]
