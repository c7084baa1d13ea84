"""Amazon Personalize as a moto backend.

moto reads a backend's service name from its module (`<package>.<service>.models`) and its URLs
from the sibling module `urls`.
"""

from __future__ import annotations

import re
from typing import cast

from moto import backend_index
from moto.personalize.models import personalize_backends

from embedded_aws.moto_changes import replace
from embedded_aws.services.personalize.campaigns import Campaigns
from embedded_aws.services.personalize.datasets import Datasets
from embedded_aws.services.personalize.event_trackers import EventTrackers
from embedded_aws.services.personalize.import_jobs import ImportJobs
from embedded_aws.services.personalize.recommenders import Recommenders
from embedded_aws.services.personalize.runtime import Runtime
from embedded_aws.services.personalize.solution_versions import SolutionVersions
from embedded_aws.services.personalize.solutions import Solutions
from embedded_aws.services.personalize.streaming import Streaming

_OTHERS = [
    ("personalize", re.compile(rf"https?://personalize-{kind}\.(.+)\.amazonaws\.com"))
    for kind in ("runtime", "events")
]


class PersonalizeBackend(
    Datasets,
    EventTrackers,
    Streaming,
    ImportJobs,
    Solutions,
    SolutionVersions,
    Campaigns,
    Recommenders,
    Runtime,
):
    """One account and region's Personalize: a method per API operation, as boto3 names it.

    Each takes the request's members in snake case, already checked against the service model, and
    returns the members of the output, or raises `PersonalizeError`. Callers hold `lock`.
    """


def install() -> None:
    """Make moto serve Personalize from here; call this before the first use of its backend."""
    replace(personalize_backends, "moto has only Personalize's schemas", backend=PersonalizeBackend)
    replace(
        backend_index,
        "recommendations and events have their own endpoints",
        backend_url_patterns=[*backend_index.backend_url_patterns, *_OTHERS],
    )


def personalize_backend(account: str, region: str) -> PersonalizeBackend:
    """Return the backend of an account and region, created at its first use."""
    return cast("PersonalizeBackend", personalize_backends[account][region])
