"""An alias's split as a short picture: ``v1 ██████████████████░░ 90 % | 10 % v2``."""

from __future__ import annotations

from typing import Protocol

WIDTH = 20
BLOCKS = "█░"
ASCII_BLOCKS = "#-"


class Split(Protocol):
    """What an alias and a row of its history have in common."""

    @property
    def version(self) -> str | None:
        """None after a deletion."""

    @property
    def secondary_version(self) -> str | None:
        """The canary, if any."""

    @property
    def secondary_version_weight(self) -> int | None:
        """Its share in whole percent."""


def split_bar(split: Split, blocks: str = BLOCKS) -> str:
    """Draw who gets which share; a canary gets at least one cell, however small its weight."""
    stable, canary = blocks[0], blocks[1]
    if split.version is None:
        return "deleted"
    if split.secondary_version is None or split.secondary_version_weight is None:
        return f"v{split.version} {stable * WIDTH} 100 %"
    weight = split.secondary_version_weight
    cells = max(1, round(WIDTH * weight / 100))
    bar = stable * (WIDTH - cells) + canary * cells
    return f"v{split.version} {bar} {100 - weight:3d} % | v{split.secondary_version} {weight} %"


def blocks_for(encoding: str | None) -> str:
    """Block characters where the output can show them, else ASCII."""
    try:
        BLOCKS.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII_BLOCKS
    return BLOCKS
