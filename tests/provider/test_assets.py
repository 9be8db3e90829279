"""What artifacts and aliases are called as assets, and that Airflow leaves these names alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.sdk import DAG, Asset, AssetAlias, AssetAny
from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

from airflow_provider_versioned.assets import alias_moved, version_published, versioned_asset, watched_alias
from airflow_provider_versioned.assets.names import AssetName
from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.triggers import AliasMovesTrigger

NAMES = [
    AssetName("models", "versioned-artifacts", "churn-model"),
    AssetName("models", "versioned-artifacts", "churn-model", "prod"),
    AssetName("models", "", "churn-model", "prod"),
    AssetName("Models.eu_west", "team a/größe?x=1&b#c/100%", "Churn_Model.v2", "prod_2.x"),
    AssetName("arn:aws:s3:eu-west-1:123456789012:accesspoint/models", "a@b/c", "name", "prod"),
    AssetName("models", "p", "a/b@c?", "an-alias@x"),  # as only the library `versioned` allows
]


@pytest.mark.parametrize("named", NAMES, ids=str)
def test_uri_survives_airflow_and_is_read_back(named: AssetName) -> None:
    asset = Asset(uri=named.uri)

    assert (asset.uri, asset.name) == (named.uri, named.uri)
    assert AssetName.parse(asset.uri) == named
    assert Asset(uri=asset.uri).uri == asset.uri


def test_names_that_differ_have_uris_that_differ() -> None:
    assert len({named.uri for named in NAMES}) == len(NAMES)


def test_uri_is_readable() -> None:
    asset = versioned_asset("churn-model", "prod", s3_bucket="models", s3_prefix="/ml//artifacts/")

    assert asset.uri == "versioned://models/ml/artifacts/churn-model@prod"
    assert (
        versioned_asset("churn-model", s3_bucket="models").uri == "versioned://models/versioned-artifacts/churn-model"
    )


@pytest.mark.parametrize(
    "uri", ["versioned://models", "versioned://models/", "versioned://models/p/name@", "versioned:///p/name"]
)
def test_uri_that_names_no_artifact_is_refused_when_the_dag_is_parsed(uri: str) -> None:
    with pytest.raises(InvalidInputError, match=r"names no artifact; it must be versioned://bucket/prefix/name"):
        Asset(uri=uri)


@pytest.mark.parametrize(
    "make",
    [
        lambda: versioned_asset("no/name", s3_bucket="models"),
        lambda: versioned_asset("name", "no-alias", s3_bucket="models"),
        lambda: versioned_asset("name", s3_bucket="m"),
        lambda: version_published("{{ templated }}"),
        lambda: alias_moved("name", "no-alias"),
        lambda: watched_alias("name", "no-alias"),
    ],
)
def test_name_that_cannot_be_is_refused_when_the_dag_is_parsed(make: Any) -> None:
    with pytest.raises(InvalidInputError, match="is not allowed"):
        make()


def test_provider_has_registered_its_scheme() -> None:
    manager: Any = ProvidersManagerTaskRuntime()  # type: ignore[no-untyped-call] # Airflow has no types here

    made = manager.asset_factories["versioned"](name="m", alias="prod", s3_bucket="models", extra={"owner": "me"})

    assert (made.uri, made.extra) == ("versioned://models/versioned-artifacts/m@prod", {"owner": "me"})
    assert "versioned" in manager.asset_uri_handlers
    dataset = manager.asset_to_openlineage_converters["versioned"](made, None)
    assert (dataset.namespace, dataset.name) == ("s3://models", "versioned-artifacts/m")


def test_dag_is_scheduled_in_one_line() -> None:
    with DAG("published", schedule=version_published("m")) as published:
        pass
    asset = versioned_asset("m", "prod", s3_bucket="models")
    with DAG("moved", schedule=alias_moved("m", "prod") | asset) as moved:
        pass

    assert published.schedule == AssetAlias("versioned:m")
    assert isinstance(moved.schedule, AssetAny)
    assert list(moved.schedule.objects) == [AssetAlias("versioned:m@prod"), asset]


def test_watched_alias_is_an_asset_of_its_own_for_each_way_of_watching() -> None:
    plain, eager = watched_alias("m", "prod"), watched_alias("m", "prod", include_canary=True, poke_interval=5)

    assert (plain.uri, plain.name) == ("watched m@prod", "watched m@prod")
    assert eager.uri == eager.name == "watched m@prod?include_canary=True&poke_interval=5"
    [watcher] = eager.watchers
    path, kwargs = watcher.trigger.serialize()
    assert path == "airflow_provider_versioned.triggers.alias_moves.AliasMovesTrigger"
    assert AliasMovesTrigger(**json.loads(json.dumps(kwargs))).serialize() == (path, kwargs)
    assert (kwargs["include_canary"], kwargs["poke_interval"]) == (True, 5)
