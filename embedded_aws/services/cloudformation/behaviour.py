"""What AWS's documents leave open about CloudFormation."""

from dataclasses import dataclass
from typing import Literal

from moto.cloudformation.models import CloudFormationBackend, cloudformation_backends


@dataclass
class CloudFormationBehaviour:
    """One region's CloudFormation; change a field at any time."""

    # Whether unknown, missing and mistyped keys inside a property fail its resource. Reports of
    # 2021 to 2023 have them as a warning in the stack's events; since November 2025 CloudFormation
    # validates properties before it begins.
    wrong_keys_inside_properties: Literal["refused", "accepted"] = "refused"


def behaviour_of(account: str, region: str) -> CloudFormationBehaviour:
    """Return the switches of an account's region."""
    backend: CloudFormationBackend = cloudformation_backends[account][region]
    behaviour: CloudFormationBehaviour = vars(backend).setdefault(
        "behaviour", CloudFormationBehaviour()
    )
    return behaviour
