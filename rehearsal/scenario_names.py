"""The scenarios' names and environments, which --help shows before anything else is imported."""

from pathlib import Path

ENVIRONMENTS = Path(__file__).parent / "environments"
NAMES = {  # with the environment in which each is played
    "broken-file": "careful",
    "no-new-data": "careful",
    "worse-model": "careful",
    "canary": "careful",
    "alarm": "careful",
    "incremental": "growing",
    "whole-shop": "complete",
    "actions": "active",
    "recommender": "domain",
    "from-nothing": "new",
}
