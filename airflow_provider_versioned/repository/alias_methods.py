"""The repository's methods on aliases: check what the caller passes, hand over."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository import inputs
from airflow_provider_versioned.repository.alias_change import Change, Targets
from airflow_provider_versioned.repository.approval import with_approval
from airflow_provider_versioned.repository.errors import AliasNotFoundError, InvalidInputError, InvalidTypeError
from airflow_provider_versioned.repository.parts import Parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_versioned.repository.model import Alias, AliasChange


class AliasMethods(Parts):
    """Put, roll back, get, list, delete, and look into the history."""

    def put_alias(
        self,
        name: str,
        alias: str,
        version: int | str | None = None,
        secondary_version: int | str | None = None,
        secondary_version_weight: int | None = None,
        *,
        if_revision: str | None = None,
        reason: str | None = None,
        changed_by: str | None = None,
        rollout: str | None = None,
        idempotency_key: str | None = None,
        approval: Mapping[str, Any] | None = None,
    ) -> Alias:
        """Point an alias at a version (None: LATEST), or at two that share the traffic.

        If it points there already, on behalf of the same rollout or of none, nothing is written.

        Args:
            secondary_version_weight: Share of ``secondary_version`` in whole percent, 0 to 99.
            if_revision: Move the alias only if it still has this revision; ``"absent"``: only if there is none.
            reason: Kept in the history.
            changed_by: Kept in the history.
            rollout: Id of the rollout on whose behalf the alias moves.
            idempotency_key: The caller's identity for this change: once it has landed, the same key never applies it
                again, also if the alias has been moved since; the alias is returned as it then is.
            approval: ``approved_by``, ``approved_at`` and ``comment``, kept in the history. What
                ``ApprovePromotionOperator`` returns says also what was approved; then that is demanded.

        Raises:
            InvalidInputError: An argument is not allowed; nothing was written.
            InvalidTypeError: The weight is missing or not an int; nothing was written.
            ArtifactNotFoundError: A target does not exist or is deleted; nothing was written.
            ConflictError: The alias has another revision; the message says who moved it, when and to what. Or another
                change was approved.
            AliasNotFoundError: This key's change has landed, and the alias was deleted since.
        """
        primary, secondary, weight = inputs.check_split(version, secondary_version, secondary_version_weight)
        change = self._change(name, alias, "put", Targets(primary, secondary, weight), if_revision, reason, changed_by)
        return self._applied(with_approval(change, approval), inputs.check_text("rollout", rollout), idempotency_key)

    def rollback_alias(
        self,
        name: str,
        alias: str,
        *,
        to_version: int | str | None = None,
        if_revision: str | None = None,
        reason: str | None = None,
        changed_by: str | None = None,
        idempotency_key: str | None = None,
    ) -> Alias:
        """Point an alias at an earlier state of its history.

        With a canary on, that is the last state without one: the canary is dropped. Without, it is the previous state
        with another version; a second rollback goes one further back.

        Args:
            to_version: Go to this version alone instead.
            if_revision: Move the alias only if it still has this revision.
            reason: Kept in the history.
            changed_by: Kept in the history.
            idempotency_key: As in :meth:`put_alias`; without it, a repeated call goes one further back.

        Raises:
            AliasNotFoundError: The alias does not exist.
            InvalidInputError: The history knows no earlier state; name the version.
            ArtifactNotFoundError: That version is deleted; nothing was written.
            ConflictError: The alias has another revision.
        """
        targets = Targets(None if to_version is None else inputs.check_version(to_version))
        change = self._change(name, alias, "rollback", targets, if_revision, reason, changed_by)
        key = inputs.check_text("idempotency_key", idempotency_key)
        return self._aliases.rollback(replace(change, key=key))

    def get_alias(self, name: str, alias: str) -> Alias:
        """Read an alias.

        Raises:
            AliasNotFoundError: It does not exist.
        """
        return self._aliases.get(inputs.check_stored_name(name), inputs.check_stored_alias(alias))

    def list_aliases(self, name: str) -> list[Alias]:
        """Read all aliases of an artifact, in the order of their names' bytes."""
        return list(self._aliases.list(inputs.check_stored_name(name)))

    def delete_alias(
        self,
        name: str,
        alias: str,
        *,
        if_revision: str | None = None,
        reason: str | None = None,
        changed_by: str | None = None,
    ) -> None:
        """Delete an alias; its history stays. Silent if it does not exist.

        Raises:
            ConflictError: The alias has another revision than ``if_revision``.
        """
        self._aliases.apply(self._change(name, alias, "delete", Targets(None), if_revision, reason, changed_by))

    def list_alias_history(self, name: str, alias: str) -> Iterator[AliasChange]:
        """Read what an alias was, newest change first, page by page; also of an alias that was deleted.

        A change by the library ``versioned`` appears once the alias is changed by this package.
        """
        return self._aliases.history(inputs.check_stored_name(name), inputs.check_stored_alias(alias))

    def get_alias_at(self, name: str, alias: str, at: datetime) -> AliasChange:
        """Find what an alias was at a time.

        Raises:
            AliasNotFoundError: It did not exist then, as far as its history tells.
            InvalidInputError: The time has no time zone.
        """
        if not isinstance(at, datetime):
            raise InvalidTypeError(f"The time must be a datetime, got {at!r}.", at=at)
        if at.tzinfo is None:
            raise InvalidInputError(f"The time {at.isoformat()} has no time zone; give one, such as UTC.", at=at)
        return self._aliases.at(inputs.check_stored_name(name), inputs.check_stored_alias(alias), at)

    def alias_request(self, name: str, alias: str) -> dict[str, Any]:
        """Return the arguments of the one GetItem that reads an alias, for a client of your own (say, an async one)."""
        return self._aliases.request(inputs.check_stored_name(name), inputs.check_stored_alias(alias))

    def alias_from_response(self, name: str, response: Mapping[str, Any]) -> Alias | None:
        """Return the alias in the answer to :meth:`alias_request`; None when it does not exist."""
        return self._aliases.from_raw(name, response["Item"]) if response.get("Item") else None

    def _change(
        self,
        name: str,
        alias: str,
        action: str,
        targets: Targets,
        if_revision: str | None,
        reason: str | None,
        changed_by: str | None,
    ) -> Change:
        return Change(
            inputs.check_stored_name(name),
            inputs.check_stored_alias(alias) if action == "delete" else inputs.check_alias(alias),
            action,
            targets,
            if_revision=inputs.check_text("if_revision", if_revision),
            reason=inputs.check_text("reason", reason),
            changed_by=inputs.check_text("changed_by", changed_by),
        )

    def _applied(self, change: Change, rollout: str | None, idempotency_key: str | None) -> Alias:
        key = inputs.check_text("idempotency_key", idempotency_key)
        alias = self._aliases.apply(replace(change, rollout=rollout, key=key))
        if alias is None:
            raise AliasNotFoundError(
                f"{change.asked} had landed under this key, but the alias was deleted since; use another key "
                "to create it anew.",
                name=change.name,
                alias=change.alias,
            )
        return alias
