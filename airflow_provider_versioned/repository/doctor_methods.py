"""The repository's methods that verify and repair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_versioned.repository import inputs, retention
from airflow_provider_versioned.repository.doctor.doctor import moment_before
from airflow_provider_versioned.repository.parts import Parts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from airflow_provider_versioned.repository.doctor.findings import Finding, Repair


class DoctorMethods(Parts):
    """Verify, repair."""

    def verify(
        self,
        name: str | None = None,
        *,
        read_content: bool = False,
        older_than_secs: float | timedelta = retention.DEFAULT_SWEEP_OLDER_THAN_SECS,
    ) -> Iterator[Finding]:
        """Find what a crash, an older tool or a person has left wrong; writes nothing.

        May run beside all other work: what a publisher, a promotion or a purge is doing at the moment is no finding.
        A name that nothing is known of gives none. All problems are listed in docs/doctor.md.

        Args:
            name: Artifact; None: all, and what stands beside them in the table and under the prefix.
            read_content: Download and hash every live version, instead of trusting the digest in its metadata.
            older_than_secs: Age from which an unfinished claim, write or purge is taken for abandoned.

        Returns:
            Findings as they are made, artifact by artifact. Requests are sent while you iterate.

        Raises:
            InvalidInputError: The name or the age is not allowed.
        """
        checked = None if name is None else inputs.check_stored_name(name)
        before = moment_before(inputs.check_secs("older_than_secs", older_than_secs))
        return self._doctor.verify(checked, before, read_content=read_content)

    def repair(
        self,
        name: str | None = None,
        *,
        older_than_secs: float | timedelta = retention.DEFAULT_SWEEP_OLDER_THAN_SECS,
    ) -> Iterator[Repair]:
        """Verify, then repair what cannot destroy anything, and ask for the rest.

        May run beside all other work, die and be repeated. No content is written or removed, but for what is left of
        versions whose purge died.

        Args:
            name: Artifact; None: all.
            older_than_secs: As in :meth:`verify`.

        Returns:
            What became of each finding, artifact by artifact. Repairs are made while you iterate.

        Raises:
            InvalidInputError: The name or the age is not allowed.
        """
        checked = None if name is None else inputs.check_stored_name(name)
        before = moment_before(inputs.check_secs("older_than_secs", older_than_secs))
        return self._doctor.repair(checked, before)
