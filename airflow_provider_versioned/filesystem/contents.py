"""Content on this machine, whole and verified before its first byte is handed out.

Whoever reads a table or a model jumps about in it and trusts each byte, but only the whole content has a digest. So it
is fetched once, up to 8 MiB into memory and beyond that into a temporary file without a name, which the system removes
with its last reader. That costs the disk of the content, in ``TMPDIR``, and the time of one download.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import weakref
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Alias, Artifact

IN_MEMORY = 8 * 1024**2
_CHUNK = 1024**2


class VerifiedContent:
    """The content of one version; any number of readers at once, each with its own position.

    Args:
        artifact: Whose content; fetched here.

    Raises:
        IntegrityError: The bytes are missing or do not match the record.
        ConflictError: The record is of LATEST, which was overwritten since.
    """

    def __init__(self, artifact: Artifact) -> None:
        file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 -- lives as long as its readers
        close = weakref.finalize(self, file.close)
        with artifact.open_content() as stream:
            shutil.copyfileobj(stream, cast("BinaryIO", file), _CHUNK)
        self.size = file.tell()
        self._file, self._memory = file, b""
        if self.size > IN_MEMORY:
            file.flush()
        else:
            file.seek(0)
            self._memory = file.read()
            close()

    def read_at(self, offset: int, buffer: memoryview) -> int:
        """Fill a buffer from an offset on; return how many bytes there were."""
        if self.size > IN_MEMORY:
            return os.preadv(self._file.fileno(), [buffer], offset)
        found = self._memory[offset : offset + len(buffer)]
        buffer[: len(found)] = found
        return len(found)


class VerifiedFile(io.BufferedReader):
    """An open version: bytes that match its record.

    Attributes:
        artifact: The version's record.
        alias: The alias by which it was found, if any, as it was when the file was opened.
    """

    def __init__(self, content: VerifiedContent, artifact: Artifact, alias: Alias | None) -> None:
        super().__init__(_Reader(content), buffer_size=256 * 1024)
        self.artifact = artifact
        self.alias = alias


class _Reader(io.RawIOBase):
    def __init__(self, content: VerifiedContent) -> None:
        super().__init__()
        self._content = content
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._content.size}[whence]
        if base + offset < 0:
            raise ValueError(f"Position {base + offset} is before the beginning; seek to 0 or more.")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: object) -> int:
        with memoryview(cast("bytearray", buffer)) as view:
            count = self._content.read_at(self._position, view)
        self._position += count
        return count
