"""What it means that an alias has become what somebody waits for.

Pure, and shared by everything that waits: the sensor in a worker, the trigger in the triggerer. Reading the alias, and
how long to wait, is left to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.repository.inputs import LATEST, check_version

if TYPE_CHECKING:
    from airflow_provider_versioned.repository.model import Alias


@dataclass(frozen=True)
class AliasCondition:
    """One of three conditions on an alias.

    Args:
        version: The alias points at this version.
        min_version: The alias points at this number or a higher one; LATEST has no number, so it never meets this.
        changed_since: The alias was moved at or after this moment, or no longer has this revision.
        include_canary: The secondary version counts too. For ``changed_since``: a move that changed only the secondary
            version or its weight counts too.
        known_version: With ``changed_since`` and without ``include_canary``: the version that the alias had at that
            moment, so that only another one counts. None: not known, or no alias then; any move counts.

    Raises:
        InvalidInputError: Not exactly one condition was given, or one that cannot be.
    """

    version: str | None = None
    min_version: int | None = None
    changed_since: datetime | str | None = None
    include_canary: bool = False
    known_version: str | None = None

    def __post_init__(self) -> None:
        """Bring the versions into their public form."""
        given = [what for what in ("version", "min_version", "changed_since") if getattr(self, what) is not None]
        if len(given) != 1:
            raise InvalidInputError(
                f"Give exactly one of version, min_version and changed_since, got {' and '.join(given) or 'none'}."
            )
        if self.version is not None:
            object.__setattr__(self, "version", check_version(self.version))
        if self.min_version is not None:
            object.__setattr__(self, "min_version", _number(self.min_version))
        if isinstance(self.changed_since, datetime) and self.changed_since.tzinfo is None:
            raise InvalidInputError(f"changed_since={self.changed_since.isoformat()} must name its time zone.")

    def met_by(self, alias: Alias | None) -> bool:
        """Tell whether the alias, or its absence (None), is what was waited for."""
        if alias is None:
            return False
        if self.changed_since is not None:
            return self.changed(alias) and not self._only_canary_changed(alias)
        targets = [alias.version, alias.secondary_version] if self.include_canary else [alias.version]
        if self.version is not None:
            return self.version in targets
        return any(self._high_enough(target) for target in targets)

    def changed(self, alias: Alias) -> bool:
        """Tell whether the alias was moved in any way since the moment or the revision."""
        if isinstance(self.changed_since, datetime):
            return alias.update_at >= self.changed_since
        return alias.revision != self.changed_since

    def _only_canary_changed(self, alias: Alias) -> bool:
        return not self.include_canary and self.known_version == alias.version

    def _high_enough(self, target: str | None) -> bool:
        if target is None or target == LATEST or self.min_version is None:
            return False
        return int(target) >= self.min_version

    def describe(self) -> str:
        """Return the condition in words, to follow "waiting until the alias"."""
        canary = " (also as canary)" if self.include_canary else ""
        if self.version is not None:
            return f"points at version {self.version}{canary}"
        if self.min_version is not None:
            return f"points at version {self.min_version} or higher{canary}"
        if isinstance(self.changed_since, datetime):
            return f"moves after {self.changed_since.isoformat()}{canary}"
        return f"leaves revision {self.changed_since}{canary}"

    def to_dict(self) -> dict[str, Any]:
        """Return the condition as JSON-able values."""
        since = self.changed_since
        moment = since.isoformat() if isinstance(since, datetime) else None
        return {
            "version": self.version,
            "min_version": self.min_version,
            "changed_since": moment,
            "unlike_revision": since if moment is None else None,
            "include_canary": self.include_canary,
            "known_version": self.known_version,
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> AliasCondition:
        """Rebuild a condition from :meth:`to_dict`."""
        moment = stored["changed_since"]
        return cls(
            version=stored["version"],
            min_version=stored["min_version"],
            changed_since=datetime.fromisoformat(moment) if moment else stored["unlike_revision"],
            include_canary=stored["include_canary"],
            known_version=stored["known_version"],
        )


def _number(version: int | str) -> int:
    checked = check_version(version)
    if checked == LATEST:
        raise InvalidInputError("min_version must be a number, and LATEST has none.", min_version=version)
    return int(checked)
