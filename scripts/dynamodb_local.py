"""DynamoDB Local, Amazon's own engine, fetched on demand and never shipped.

Its licence allows use for development and testing and no distribution. So nothing here runs unless the user asks for
it (``VERSIONED_TEST_BACKENDS=all``): the archive then comes from npm, where Amazon publishes it, is checked against a
fixed sha256 and unpacked into ``.cache/``, which git ignores. It listens on all interfaces: it has no option for less.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from scripts.server_process import ROOT, ServerError, ServerProcess, run_until_stopped

PACKAGE = "amplify-dynamodb-simulator@2.9.30"
SHA256 = "3503ffac19f183407909fecdacf4db51ab1fdad1da7b2f177016670b2d80e4b9"
FOLDER = ROOT / ".cache" / PACKAGE
_JAR = FOLDER / "package" / "emulator" / "DynamoDBLocal.jar"


class DynamoDBLocal(ServerProcess):
    """DynamoDB Local in memory, one database for all credentials and regions."""

    title = "DynamoDB Local"

    @classmethod
    def unavailable(cls) -> str | None:
        """Return why DynamoDB Local cannot run here: Java is missing, or npm to fetch it with."""
        if shutil.which("java") is None:
            return "DynamoDB Local needs java (Debian: default-jre-headless)."
        if not _JAR.exists() and shutil.which("npm") is None:
            return "DynamoDB Local is fetched with npm (Debian: npm)."
        return None

    def command(self, folder: Path, ports: list[int]) -> list[str]:
        """Return the command line, after fetching the program if it is not there yet."""
        fetch()
        java = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        library = f"-Djava.library.path={_JAR.parent / 'DynamoDBLocal_lib'}"
        options = ["-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(ports[0])]
        return [*java, library, "-jar", str(_JAR), *options]


def fetch() -> None:
    """Make sure that the program stands in ``.cache/``, complete and checked.

    Raises:
        ServerError: npm could not fetch it, or what it fetched is not the expected archive.
    """
    if _JAR.exists():
        return
    FOLDER.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER.parent) as temporary:
        archive = _npm_pack(Path(temporary))
        _check(archive)
        unpacked = Path(temporary) / "unpacked"
        with tarfile.open(archive) as tar:
            tar.extractall(unpacked, filter="data")
        _move_into_place(unpacked)


def _npm_pack(folder: Path) -> Path:
    command = ["npm", "pack", PACKAGE, "--silent", "--cache", str(folder / "npm")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    archives = list(folder.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        raise ServerError(f"`npm pack {PACKAGE}` failed ({done.returncode}); it said:\n{done.stderr.strip()}")
    return archives[0]


def sha256_of(archive: Path) -> str:
    """Return the hex digest of a file."""
    with archive.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(archive: Path) -> None:
    found = sha256_of(archive)
    if found != SHA256:
        raise ServerError(f"{PACKAGE} has sha256 {found}, but {SHA256} is expected: do not use it, report it.")


def _move_into_place(unpacked: Path) -> None:
    try:
        unpacked.rename(FOLDER)
    except OSError:
        # Another test process was faster; a rename is all or nothing, so its copy is complete.
        if not _JAR.exists():
            raise


if __name__ == "__main__":
    sys.exit(run_until_stopped(DynamoDBLocal()))
