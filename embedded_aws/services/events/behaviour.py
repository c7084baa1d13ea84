"""Where EventBridge's documents do not say enough."""

from dataclasses import dataclass
from typing import Literal


@dataclass
class EventsBehaviour:
    """One account and region's EventBridge; change its field at any time."""

    # The user guide says both "EventBridge doesn't escape values extracted by Input Path" and
    # "The JSON that is passed to the target is minified and escaped".
    values_in_strings: Literal["as they are", "escaped"] = "as they are"
