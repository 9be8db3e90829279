"""Plants a bug: one function of the code under test, with a piece of its text replaced."""

from __future__ import annotations
import __future__

import inspect
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest


def plant(monkeypatch: pytest.MonkeyPatch, owner: object, function: str, old: str, new: str) -> None:
    """Replace a text, which must stand exactly once in a method, until the test ends."""
    original: Any = inspect.getattr_static(owner, function)
    plain = getattr(original, "__func__", original)
    source = getattr(plain, "planted_source", None) or textwrap.dedent(inspect.getsource(plain))
    assert source.count(old) == 1, f"{function} has {old!r} {source.count(old)} times"
    changed = source.replace(old, new)
    code = compile(changed, plain.__code__.co_filename, "exec", __future__.annotations.compiler_flag)
    made: dict[str, Any] = {}
    exec(code, plain.__globals__, made)  # noqa: S102 -- our own source, which was just read
    getattr(made[function], "__func__", made[function]).planted_source = changed  # for a second bug in the same place
    monkeypatch.setattr(owner, function, made[function])
