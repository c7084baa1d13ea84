"""What a run does: as the settings say, or as a person has asked. Pure functions, no AWS."""

from typing import NotRequired, TypedDict

from plan_types import (
    CampaignSettings,
    DatasetSettings,
    Entry,
    ImportMode,
    Preflight,
    Promotion,
    RefreshSettings,
    TrainingMode,
)

AS_SETTINGS = "The settings say so."
ASKED_FOR = "A person has asked for it."


class WhatToDo(TypedDict):
    """What the campaigns of a run have in common; the reasons say why the modes are what they are.

    With a `promotion` nothing is imported or trained.
    """

    datasets: list[DatasetSettings]
    import_reason: str
    training_reason: str
    preflight: NotRequired[Preflight]
    promotion: NotRequired[Promotion]


def as_settings(refresh: RefreshSettings) -> WhatToDo:
    """Return what a refresh does if nobody asks for anything else."""
    what: WhatToDo = {
        "datasets": refresh["datasets"],
        "import_reason": AS_SETTINGS,
        "training_reason": AS_SETTINGS,
    }
    if "preflight" in refresh:
        what["preflight"] = refresh["preflight"]
    return what


def all_the_same(what: WhatToDo) -> WhatToDo:
    """Return the same, done although no data may be new: a person has asked for another run."""
    if "preflight" not in what:
        return what
    return {**what, "preflight": {**what["preflight"], "no_new_data": "go_on"}}


def imported_as(mode: ImportMode, what: WhatToDo) -> WhatToDo:
    """Return the same with all datasets imported in a mode, whatever their cadence would say."""
    return {
        **what,
        "import_reason": ASKED_FOR,
        "datasets": [_imported_as(mode, dataset) for dataset in what["datasets"]],
    }


def trained_as(mode: TrainingMode, entry: Entry) -> Entry:
    """Return a campaign whose solution is trained in a mode, whatever its cadence would say.

    A recommender has no training mode, and stays as it is.
    """
    if "recommender_arn" in entry:
        return entry
    chosen: CampaignSettings = {**entry, "training_mode": mode}
    chosen.pop("full_every", None)
    return chosen


def _imported_as(mode: ImportMode, dataset: DatasetSettings) -> DatasetSettings:
    chosen: DatasetSettings = {**dataset, "import_mode": mode}
    if mode == "FULL":
        chosen["location"] = dataset.get("full_location", dataset["location"])
    chosen.pop("full_every", None)
    return chosen
