"""What artifacts and aliases are called as Airflow assets.

==================================================  ==========================================================
``versioned://{bucket}/{prefix}/{name}``            the asset of an artifact: an event is a version published
``versioned://{bucket}/{prefix}/{name}@{alias}``    the asset of an alias: an event is a move by a task
``versioned:{name}``, ``versioned:{name}@{alias}``  asset aliases of Airflow: the same, in whichever repository
``watched {name}@{alias}``                          the asset of a watched alias: a move by anyone
==================================================  ==========================================================

Making an asset with a URI costs a Dag file a second or more, because Airflow then loads the URI handlers of every
provider, the amazon provider's with boto3 among them. The last two are no URIs to Airflow, and cost nothing.

Bucket, prefix, name and alias are percent-encoded where they hold anything but letters, digits and ``-._~/``, so that
Airflow's normalisation (which drops fragments and sorts queries) changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from airflow.sdk import Asset, AssetAlias, AssetWatcher

from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.repository.inputs import check_alias, check_new_name, check_place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

    from airflow.providers.common.compat.openlineage.facet import Dataset

SCHEME = "versioned"
DEFAULT_PREFIX = "versioned-artifacts"


def version_published(name: str) -> AssetAlias:
    """Return what a Dag is scheduled on to run when a task has published a version, in whichever repository.

    Args:
        name: Artifact name.
    """
    return AssetAlias(f"{SCHEME}:{check_new_name(name)}")


def alias_moved(name: str, alias: str) -> AssetAlias:
    """Return what a Dag is scheduled on to run when a task has moved an alias, in whichever repository.

    Args:
        name: Artifact name.
        alias: Alias.
    """
    return AssetAlias(f"{SCHEME}:{check_new_name(name)}@{check_alias(alias)}")


def versioned_asset(
    name: str,
    alias: str | None = None,
    *,
    s3_bucket: str,
    s3_prefix: str = DEFAULT_PREFIX,
    extra: Mapping[str, Any] | None = None,
) -> Asset:
    """Return the asset of an artifact or, if one is named, of an alias, in one repository.

    For a Dag that must tell repositories apart; :func:`version_published` and :func:`alias_moved` need no bucket, and
    cost less to parse. A task that publishes or moves emits its events by itself: among a task's ``outlets``, Airflow
    would announce the asset after each success, whether something changed or not.

    Args:
        name: Artifact name.
        alias: Alias of the artifact.
        s3_bucket: Bucket of the repository.
        s3_prefix: Prefix of the repository within the bucket.
        extra: Facts about the asset itself.
    """
    bucket, prefix, _, _ = check_place(s3_bucket, s3_prefix, "any-table", "")
    named = AssetName(bucket, prefix, check_new_name(name), None if alias is None else check_alias(alias))
    return Asset(uri=named.uri, extra=dict(extra or {}))


def watched_alias(name: str, alias: str, *, include_canary: bool = False, **kwargs: Any) -> Asset:
    """Return an asset whose events are the moves of an alias by anyone, seen by a trigger that keeps looking.

    An event's ``extra["payload"]`` is that of
    :class:`~airflow_provider_versioned.triggers.alias_moves.AliasMovesTrigger`.

    Args:
        name: Artifact name.
        alias: Alias to watch.
        include_canary: Also when only the secondary version or its weight changed.
        kwargs: ``poke_interval``, ``aws_conn_id`` and what else
            :class:`~airflow_provider_versioned.triggers.base.RepositoryTrigger` takes.
    """
    from airflow_provider_versioned.triggers.alias_moves import AliasMovesTrigger  # noqa: PLC0415 -- loads the triggers

    check_new_name(name)
    check_alias(alias)
    trigger = AliasMovesTrigger(name=name, alias=alias, include_canary=include_canary, **kwargs)
    # What is watched in two ways is two assets: each has its own trigger, and each trigger's state its own asset.
    ways = {**kwargs, **({"include_canary": True} if include_canary else {})}
    named = f"watched {name}@{alias}" + (f"?{urlencode(sorted(ways.items()))}" if ways else "")
    return Asset(name=named, watchers=[AssetWatcher(name=f"{name}@{alias}", trigger=trigger)])


@dataclass(frozen=True)
class AssetName:
    """What the URI of an asset says; names that only the library ``versioned`` allows have one, too."""

    s3_bucket: str
    s3_prefix: str
    name: str
    alias: str | None = None

    @property
    def uri(self) -> str:
        """The URI."""
        folder = f"{_encoded(self.s3_prefix)}/" if self.s3_prefix else ""
        alias = "" if self.alias is None else f"@{_encoded(self.alias)}"
        name = quote(self.name, safe="")
        return f"{SCHEME}://{quote(self.s3_bucket, safe='')}/{folder}{name}{alias}"

    @classmethod
    def parse(cls, uri: str) -> AssetName:
        """Read a URI.

        Raises:
            InvalidInputError: It is no URI of an artifact or alias.
        """
        parts = urlsplit(uri)
        prefix, _, last = parts.path.removeprefix("/").rpartition("/")
        name, at, alias = last.partition("@")
        if parts.scheme != SCHEME or not parts.netloc or not name or (at and not alias):
            raise InvalidInputError(
                f"Asset URI {uri!r} names no artifact; it must be {SCHEME}://bucket/prefix/name or …/name@alias."
            )
        return cls(unquote(parts.netloc), unquote(prefix), unquote(name), unquote(alias) if at else None)


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Let Airflow take a URI as it is if it names an artifact or an alias.

    Raises:
        InvalidInputError: It does not.
    """
    AssetName.parse(uri.geturl())
    return uri


def convert_asset_to_openlineage(asset: Asset, lineage_context: Any) -> Dataset:  # noqa: ARG001 -- Airflow hands it over
    """Return the artifact as OpenLineage names it; an alias is one of its versions, so it is the same dataset."""
    from airflow_provider_versioned.openlineage import dataset_of  # noqa: PLC0415 -- needs the openlineage provider

    named = AssetName.parse(asset.uri)
    return dataset_of(named.s3_bucket, named.s3_prefix, named.name)


def _encoded(text: str) -> str:
    return quote(text, safe="/")
