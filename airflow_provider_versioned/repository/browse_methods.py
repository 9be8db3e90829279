"""The repository's methods for people who look around: check what the caller passes, hand over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_versioned.repository import inputs
from airflow_provider_versioned.repository.browse import Browser
from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.repository.parts import Parts

if TYPE_CHECKING:
    from airflow_provider_versioned.repository.browse import AliasTrace, VersionPage
    from airflow_provider_versioned.repository.model import AliasChange

_MOST = 1000


class BrowseMethods(Parts):
    """Page through versions and histories."""

    def page_artifact_versions(self, name: str, limit: int = 50, *, below: int | str | None = None) -> VersionPage:
        """Read some numbered versions from the highest down, those too that are deleted and can be restored.

        Args:
            limit: How many to read, 1 to 1000; the page may have fewer although there are more.
            below: Only numbers below this one: what :attr:`VersionPage.below` said.

        Raises:
            InvalidInputError: The limit or the number is not allowed.
        """
        number = None if below is None else _number(below)
        return self._browser.versions(inputs.check_stored_name(name), _limit(limit), number)

    def page_alias_history(
        self, name: str, alias: str, limit: int = 200, *, below: int | None = None
    ) -> list[AliasChange]:
        """Read some changes of an alias, newest first; fewer than ``limit``: those were the oldest.

        Args:
            limit: How many, 1 to 1000.
            below: Only changes before the one with this sequence.

        Raises:
            InvalidInputError: The limit or the sequence is not allowed.
        """
        sequence = None if below is None else inputs.check_count("below", below)
        checked = inputs.check_stored_name(name), inputs.check_stored_alias(alias)
        return [] if sequence in {0, 1} else self._browser.history(*checked, _limit(limit), sequence)

    def list_alias_traces(self, name: str) -> list[AliasTrace]:
        """List the aliases that this package has ever moved, deleted ones too, in the order of their names' bytes."""
        return self._browser.traces(inputs.check_stored_name(name))

    @property
    def _browser(self) -> Browser:
        return Browser(self._table, self._versions)


def _limit(limit: int) -> int:
    if not 1 <= inputs.check_count("limit", limit) <= _MOST:
        raise InvalidInputError(f"limit must be 1 to {_MOST}, got {limit!r}.", limit=limit)
    return limit


def _number(below: int | str) -> str:
    checked = inputs.check_version(below)
    if checked == inputs.LATEST:
        raise InvalidInputError("below must be a number: LATEST is no numbered version.", below=below)
    return checked
