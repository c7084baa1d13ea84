"""Managed policies, with those of AWS's own, which every account has."""

import json
from functools import lru_cache
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend


def policy_exists(arn: str, backend: IAMBackend) -> bool:
    """Return whether a managed policy exists; load it if it is one of AWS's own."""
    # One at a time: loading all of them takes a third of a second for each new cloud.
    name = arn.rsplit("/", 1)[-1]
    if arn not in backend.managed_policies and ":iam::aws:" in arn and name in _aws_policies():
        policy = AWSManagedPolicy.from_data(
            name, backend.account_id, backend.region_name, _aws_policies()[name]
        )
        backend.managed_policies[arn] = policy
    return arn in backend.managed_policies


@lru_cache
def _aws_policies() -> dict[str, Any]:
    policies: dict[str, Any] = json.loads(aws_managed_policies_data)
    return policies
