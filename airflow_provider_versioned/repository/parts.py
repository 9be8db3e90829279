"""What the methods of a repository work with; wired together in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.aliases import Aliases
from airflow_provider_versioned.repository.destroy import Destroyer
from airflow_provider_versioned.repository.doctor.doctor import Doctor
from airflow_provider_versioned.repository.doctor.examination import Examiner
from airflow_provider_versioned.repository.doctor.remedies import Remedies
from airflow_provider_versioned.repository.emptying import Emptier
from airflow_provider_versioned.repository.free import Freer
from airflow_provider_versioned.repository.latest import Latest
from airflow_provider_versioned.repository.objects import Objects
from airflow_provider_versioned.repository.outcomes.store import Outcomes
from airflow_provider_versioned.repository.publish import Publisher
from airflow_provider_versioned.repository.purge import Purger
from airflow_provider_versioned.repository.putting import Puts
from airflow_provider_versioned.repository.remains import Remains
from airflow_provider_versioned.repository.rollouts.store import Rollouts
from airflow_provider_versioned.repository.sweep import Sweeper
from airflow_provider_versioned.repository.table import Table
from airflow_provider_versioned.repository.versions import Versions

if TYPE_CHECKING:
    from airflow_provider_versioned.repository.clients import Clients
    from airflow_provider_versioned.repository.keys import Place
    from airflow_provider_versioned.repository.model import ContentSource
    from airflow_provider_versioned.repository.pace import Pace


class Parts:
    """The parts of one repository.

    Args:
        source: Fetches content for the values that the parts hand out.
        pace: Holds what is written to the table to a rate.
    """

    def __init__(self, clients: Clients, place: Place, source: ContentSource, pace: Pace | None = None) -> None:
        self._place = place
        self._clients = clients
        self._table = Table(clients, place, pace=pace)
        self._objects = Objects(clients, place)
        self._latest = Latest(self._table, self._objects)
        self._puts = Puts(self._table, self._objects, self._latest)
        self._aliases = Aliases(self._table, place, self._latest, source)
        self._versions = Versions(self._table, place, self._latest, self._aliases, source)
        self._publisher = Publisher(self._table, self._objects, self._latest)
        self._purger = Purger(self._table, place, self._latest, self._versions)
        self._remains = Remains(self._table, place, self._objects)
        self._freer = Freer(self._table, self._remains)
        self._sweeper = Sweeper(self._table, place, self._objects, self._remains)
        self._destroyer = Destroyer(self._table, place, self._objects, self._latest, self._remains)
        self._emptier = Emptier(self._table, place, self._objects, self._remains, self._destroyer)
        self._outcomes = Outcomes(self._table)
        self._rollouts = Rollouts(self._table, self._aliases)
        examiner = Examiner(self._table, place, self._objects)
        self._doctor = Doctor(examiner, Remedies(self._table, self._objects, self._latest, self._remains, examiner))
