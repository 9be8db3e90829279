"""Where things stand in S3 and DynamoDB. The only place that builds or reads a key.

=================  ====================  ==============================  =====================================
what               pk                    sk                              S3 key
=================  ====================  ==============================  =====================================
LATEST             ``{name}``            ``LATEST``                      ``{prefix}/{name}/LATEST{suffix}``
version            ``{name}``            ``000007``                      ``{prefix}/{name}/000007{suffix}``
alias              ``__{name}-alias``    ``{alias}``                     (none)
counter            ``__{name}-meta``     ``counter``                     (none)
publish record     ``__{name}-meta``     ``publish#{digest}#{sha256}``   (none)
alias head         ``__{name}-meta``     ``alias#{alias}``               (none)
alias history      ``__{name}-meta``     ``history#{alias}#{sequence}``  (none)
alias request      ``__{name}-meta``     ``request#{alias}#{digest}``    (none)
rollout            ``__{name}-meta``     ``rollout#{alias}``             (none)
earlier rollout    ``__{name}-meta``     ``rollout-of#{alias}#{digest}``  (none)
outcomes           ``__{name}-meta``     ``outcome#{alias}#…``           (none)
outcome report     ``__{name}-meta``     ``report#{alias}#…``            (none)
marker             ``__repository``      ``marker``                      (none)
=================  ====================  ==============================  =====================================

The first three are the stored format of the library ``versioned``, which queries those partitions and stumbles over
anything else in them; the rest therefore stands under keys that it never asks for.

Outcomes go on with ``{digest of the rollout}#``, then ``{weight}#{version}#{shard}`` for counts, with ``#{metric}`` for
a metric, and ``looks#{stable}#{canary}`` for the looks of judges; a report with digests of rollout and caller's key.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from airflow_provider_versioned.repository.inputs import LATEST

MARKER_KEY = ("__repository", "marker")
COUNTER = "counter"
_PADDED_NUMBER = re.compile(r"[0-9]{6}")
_COUNTED = re.compile(r"(?P<weight>[0-9]{2}|--)#(?P<version>[0-9]{6}|LATEST)#[0-9]{2}(#(?P<metric>[^#]+))?")


@dataclass(frozen=True)
class Place:
    """Bucket, prefix, table and suffix that together name one repository."""

    s3_bucket: str
    s3_prefix: str
    dynamodb_table_name: str
    suffix: str

    def folder(self, name: str) -> str:
        """Return the S3 key prefix under which the objects of one artifact stand, with its final slash."""
        return f"{self.root()}{'/'.join(part for part in name.split('/') if part)}/"

    def root(self) -> str:
        """Return the S3 key prefix under which all artifacts stand."""
        return f"{self.s3_prefix}/" if self.s3_prefix else ""

    def object_key(self, name: str, version: str) -> str:
        """Return the S3 key of one version's content."""
        return f"{self.folder(name)}{encode_version(version)}{self.suffix}"

    def s3uri(self, name: str, version: str) -> str:
        """Return the S3 URI of one version's content."""
        return f"s3://{self.s3_bucket}/{self.object_key(name, version)}"

    def object_key_of(self, s3uri: str) -> str:
        """Return the S3 key in a URI of this repository."""
        return s3uri.removeprefix(f"s3://{self.s3_bucket}/")

    def version_of_object(self, name: str, object_key: str) -> str | None:
        """Return the version whose content stands under an S3 key, or None when the key is not of that form."""
        rest = object_key.removeprefix(self.folder(name))
        if not rest.endswith(self.suffix):
            return None
        stem = rest[: len(rest) - len(self.suffix)]
        return decode_version(stem) if is_version_sk(stem) else None


def encode_version(version: str) -> str:
    """Return the stored form of a checked version: six digits, or LATEST."""
    return version if version == LATEST else version.zfill(6)


def decode_version(stored: str) -> str:
    """Return the public form of a stored version: no leading zeros, or LATEST."""
    return stored.lstrip("0")


def is_version_sk(sk: str) -> bool:
    """Tell whether a sort key is one that a version may have; the library's ghosts have others."""
    return sk == LATEST or (_PADDED_NUMBER.fullmatch(sk) is not None and sk != "000000")


def alias_pk(name: str) -> str:
    """Return the partition of an artifact's aliases."""
    return f"__{name}-alias"


def meta_pk(name: str) -> str:
    """Return the partition of an artifact's bookkeeping."""
    return f"__{name}-meta"


def name_of_pk(pk: str) -> str | None:
    """Return the artifact whose partition this is, or None when it is no artifact's."""
    if not pk.startswith("__"):
        return pk
    return next((pk[2 : -len(end)] for end in ("-alias", "-meta") if pk.endswith(end)), None)


def read_bookkeeping_sk(sk: str) -> tuple[str | None, str]:
    """Return what a sort key of the bookkeeping is for, and the alias of a head or history; None: it is not ours."""
    kind, _, rest = sk.partition("#")
    if sk == COUNTER or (rest and kind in {"publish", "request", "outcome", "report", "rollout", "rollout-of"}):
        return kind, ""
    if kind == "alias" and rest:
        return kind, rest
    alias, _, sequence = rest.rpartition("#")
    if kind == "history" and alias and is_history_sk(alias, sk) and int(sequence):
        return kind, alias
    return None, ""


def publish_sk(idempotency_key: str, sha256: str) -> str:
    """Return where it is kept which version a publisher was given for which bytes."""
    return f"publish#{_digest(idempotency_key)}#{sha256}"


def head_sk(alias: str) -> str:
    """Return where the last change of an alias is kept, also after the alias was deleted."""
    return f"alias#{alias}"


def history_prefix(alias: str) -> str:
    """Return what all sort keys of an alias's history begin with."""
    return f"history#{alias}#"


def history_sk(alias: str, sequence: int) -> str:
    """Return where one change of an alias is kept; sorts by sequence."""
    return f"{history_prefix(alias)}{sequence:012d}"


def is_history_sk(alias: str, sk: str) -> bool:
    """Tell an alias's own history from that of one whose odd name goes on where this one ends."""
    return re.fullmatch(r"[0-9]{12}", sk.removeprefix(history_prefix(alias))) is not None


def request_sk(alias: str, idempotency_key: str) -> str:
    """Return where it is kept that a caller's change of an alias has landed."""
    return f"request#{alias}#{_digest(idempotency_key)}"


def rollout_sk(alias: str) -> str:
    """Return where the last rollout of an alias is kept."""
    return f"rollout#{alias}"


def past_rollout_sk(alias: str, rollout: str) -> str:
    """Return where a rollout is kept that is not the alias's last."""
    return f"rollout-of#{alias}#{_digest(rollout)}"


def outcome_prefix(alias: str, rollout: str) -> str:
    """Return what all sort keys of outcomes of a rollout begin with."""
    return f"outcome#{alias}#{_digest(rollout)}#"


def outcome_sk(
    alias: str, rollout: str, weight: int | None, version: str, shard: int, metric: str | None = None
) -> str:
    """Return where outcomes of a version, or one metric of it, are counted."""
    counted = f"{'--' if weight is None else format(weight, '02d')}#{encode_version(version)}#{shard:02d}"
    return outcome_prefix(alias, rollout) + counted + (f"#{metric}" if metric else "")


def read_outcome_sk(alias: str, rollout: str, sk: str) -> tuple[int | None, str, str | None] | None:
    """Return weight, version and metric that a sort key counts; None when it counts nothing."""
    found = _COUNTED.fullmatch(sk.removeprefix(outcome_prefix(alias, rollout)))
    if found is None:
        return None
    weight = None if found["weight"] == "--" else int(found["weight"])
    return weight, decode_version(found["version"]), found["metric"]


def looks_sk(alias: str, rollout: str, stable: str, canary: str) -> str:
    """Return where it is kept at which counts judges have looked."""
    return f"{outcome_prefix(alias, rollout)}looks#{encode_version(stable)}#{encode_version(canary)}"


def report_prefix(alias: str, rollout: str) -> str:
    """Return what the sort keys of all reports of a rollout begin with."""
    return f"report#{alias}#{_digest(rollout)}#"


def report_sk(alias: str, rollout: str, idempotency_key: str) -> str:
    """Return where it is kept that a caller's report was counted."""
    return report_prefix(alias, rollout) + _digest(idempotency_key)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
