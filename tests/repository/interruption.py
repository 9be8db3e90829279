"""Lets something happen in the middle of an operation, at the one step where it hurts most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


def interrupting(monkeypatch: pytest.MonkeyPatch, part: object, method: str, event: Callable[[], object]) -> None:
    """Let something happen right before a step of an operation, once."""
    step = getattr(part, method)

    def interrupted(*arguments: Any, **keywords: Any) -> Any:
        monkeypatch.setattr(part, method, step)
        event()
        return step(*arguments, **keywords)

    monkeypatch.setattr(part, method, interrupted)
