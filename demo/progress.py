"""What is happening now: plain lines everywhere, and on a terminal one more line that keeps changing."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import time
from typing import TextIO

MAX_COLUMNS = 118
COLOURS = {"success": 32, "true": 32, "failed": 31, "FALSE": 31}
SPINNER = "|/-\\"


class Progress:
    """Prints lines that stay, each with the time since the start, and a last line that does not stay."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._live = self._out.isatty()
        self._colours = self._live and not os.environ.get("NO_COLOR")
        self._started = time.monotonic()
        self._doing = ""
        self._ticks = 0

    def clock(self) -> str:
        """Return the time since the start, m:ss."""
        minutes, secs = divmod(int(time.monotonic() - self._started), 60)
        return f"{minutes}:{secs:02d}"

    def title(self, text: str) -> None:
        """A heading, after an empty line."""
        self._print(f"\n{self._bold(text)}")

    def line(self, text: str) -> None:
        """A line that stays."""
        self._print(f"  {self.clock():>5}  {text}")

    def text(self, text: str, indent: int = 0) -> None:
        """Text without a time, for reports; long lines are broken, and go on indented."""
        for line in text.splitlines() or [""]:
            wrapper = textwrap.TextWrapper(
                MAX_COLUMNS, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
            )
            self._print(wrapper.fill(line))

    def doing(self, text: str) -> None:
        """What is being waited for: a terminal's changing last line; elsewhere a line each time it changes."""
        if self._live:
            self._ticks += 1
            self._rewrite(f"  {self.clock():>5}  {SPINNER[self._ticks % len(SPINNER)]} {text}")
        elif text != self._doing:
            self.line(text)
        self._doing = text

    def tick(self, text: str) -> None:
        """Like `doing`, for what changes too often to be worth a line outside a terminal."""
        if self._live:
            self.doing(text)

    def coloured(self, state: str, text: str | None = None) -> str:
        """Return the text green for what is well, red for what is not, where there are colours."""
        text = state if text is None else text
        colour = COLOURS.get(state)
        return f"\033[{colour}m{text}\033[0m" if self._colours and colour else text

    def _bold(self, text: str) -> str:
        return f"\033[1m{text}\033[0m" if self._colours else text

    def _print(self, text: str) -> None:
        self._rewrite("")
        print(text, file=self._out, flush=True)

    def _rewrite(self, text: str) -> None:
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            self._out.write("\r\033[K" + text[:width])
            self._out.flush()
