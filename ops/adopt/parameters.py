"""The parameter file of AWS's Solution "Maintaining Personalized Experiences": pure functions.

Its sections and keys are those of version 1.4.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ops.adopt.cadence import fresh_within_hours, words
from ops.adopt.draft import PLACEHOLDER, Draft
from ops.deployment import Refusal

PlaceOf = Callable[[str, str], str | None]
TYPES = ("interactions", "items", "users")
JOBS = {"batchInferenceJobs": "inference", "batchSegmentJobs": "segment"}
KNOWN = {
    "": {
        "datasetGroup", "datasets", "solutions", "recommenders", "eventTracker", "filters", "tags",
    },
    "datasets": {"serviceConfig", *TYPES},
    "solutions[]": {"serviceConfig", "workflowConfig", "campaigns", *JOBS},
    "schedules": {"import", "full", "update"},
}  # fmt: skip
NAMED: dict[type, str] = {dict: "an object", list: "a list", str: "a text"}


@dataclass
class Place:
    """A value of the file, and where it stands; what is not of its type is a problem."""

    value: Any
    path: str
    problems: list[str] = field(default_factory=list)

    def has(self, key: str) -> bool:
        """Whether there is anything under a key."""
        return bool(self.value.get(key))

    def object(self, key: str) -> Place:
        """Return the object under a key; an empty one if there is none."""
        return self._of(key, dict, {})

    def each(self, key: str) -> Iterator[Place]:
        """Yield the objects of the list under a key."""
        found = self._of(key, list, [])
        for index, value in enumerate(found.value):
            inner = Place(value, f"{found.path}[{index}]", self.problems)
            if isinstance(value, dict):
                yield inner
            else:
                inner.wrong(dict)

    def text(self, key: str, *, needed: bool = False) -> str | None:
        """Return the text under a key, None if there is none."""
        if needed and self.value.get(key) is None:
            self.problems.append(f"{self._path(key)} is missing")
        return str(found) if (found := self._of(key, str, None).value) else None

    def unknown(self, kind: str) -> list[str]:
        """Return the paths of keys that the Solution does not know."""
        return [self._path(key) for key in self.value if key not in KNOWN[kind]]

    def wrong(self, kind: type) -> None:
        """Note that the value is not of its type."""
        given = json.dumps(self.value, ensure_ascii=False)
        short = given if len(given) <= 60 else f"{given[:60]}…"  # noqa: PLR2004
        self.problems.append(f"{self.path or 'the file'} must be {NAMED[kind]}, not {short}")

    def _of(self, key: str, kind: type, default: Any) -> Place:
        found = Place(self.value.get(key, default), self._path(key), self.problems)
        if found.value is None:
            found.value = default
        elif not isinstance(found.value, kind):
            found.wrong(kind)
            found.value = default
        return found

    def _path(self, key: str) -> str:
        return f"{self.path}.{key}".lstrip(".")


def draft_of(text: str, file: str, place_of: PlaceOf) -> Draft:
    """Return what a parameter file says that an environment file can say, and what it cannot.

    `place_of` returns where a dataset lies, by its group and type; None if that is not known.
    Raises Refusal with every problem and its place.
    """
    root = _read(text, file)
    draft = Draft()
    group = root.object("datasetGroup").object("serviceConfig").text("name", needed=True) or ""
    datasets = _datasets(draft, root, group, place_of)
    campaigns: list[dict[str, Any]] = []
    for solution in root.each("solutions"):
        _solution(draft, solution, campaigns)
    _others(draft, root)
    if not campaigns and not root.problems:
        root.problems.append("solutions: none has a campaign, so that there is nothing to refresh")
    if root.problems:
        raise Refusal(_problems(file, root.problems))
    draft.refreshes.append(
        {"name": group, "glue_job": PLACEHOLDER, "datasets": datasets, "campaigns": campaigns}
    )
    return draft


def _read(text: str, file: str) -> Place:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise Refusal(
            f"{file}, line {error.lineno}, column {error.colno}: is not valid JSON: {error.msg}; "
            "correct it there"
        ) from error
    except RecursionError as error:
        raise Refusal(f"{file}: is nested too deeply to be a parameter file") from error
    root = Place(value, "")
    if not isinstance(value, dict):
        root.wrong(dict)
        raise Refusal(_problems(file, root.problems))
    if "datasetGroup" not in value:
        raise Refusal(
            f"{file}: has no datasetGroup, so that it is not a parameter file of the Solution "
            '"Maintaining Personalized Experiences with Machine Learning"'
        )
    return root


def _problems(file: str, problems: list[str]) -> str:
    counted = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return "\n".join([f"{counted} in the parameter file:", *(f"{file}: {p}" for p in problems)])


def _datasets(draft: Draft, root: Place, group: str, place_of: PlaceOf) -> list[dict[str, Any]]:
    datasets = root.object("datasets")
    config = datasets.object("serviceConfig")
    mode = config.text("importMode") or "FULL"
    if config.has("publishAttributionMetricsToS3"):
        draft.note(
            "NOT ADOPTED",
            f"{config.path}.publishAttributionMetricsToS3",
            "imports of this app publish no attribution metrics",
            "use the metrics that Personalize sends to CloudWatch",
        )
    kinds = [kind for kind in TYPES if datasets.object(kind).value]
    if not kinds:
        root.problems.append("datasets: has no interactions, items or users: nothing to import")
    found = []
    for kind in map(str.upper, kinds):
        if place := place_of(group, kind):
            entry = {"dataset_group": group, "type": kind, "location": place}
            found.append({**entry, "import_mode": mode})
        else:
            root.problems.append(
                f"datasets.{kind.lower()}: its place in S3 is not in the file; give --bucket (the "
                f"Solution's output PersonalizeBucketName), or --location {kind}=s3://bucket/folder/"
            )
    return found


def _solution(draft: Draft, solution: Place, campaigns: list[dict[str, Any]]) -> None:
    config = solution.object("serviceConfig")
    name = config.text("name", needed=True) or ""
    schedules = solution.object("workflowConfig").object("schedules")
    full, update = schedules.text("full"), schedules.text("update")
    fresh = fresh_within_hours(full) if full else None
    before = len(campaigns)
    for campaign in solution.each("campaigns"):
        served = campaign.object("serviceConfig").text("name", needed=True) or ""
        entry: dict[str, Any] = {"name": served, "solution": name, "training_mode": "FULL"}
        campaigns.append({**entry, "fresh_within_hours": fresh} if fresh else entry)
    if len(campaigns) == before:
        draft.note(
            "NOT ADOPTED",
            solution.path,
            f"the solution {name} has no campaign, so that no refresh trains it",
            "create its versions as you do now, or create a campaign and name both in the file",
        )
    if full and full != "delete":
        draft.note(
            "NOT ADOPTED",
            f"{schedules.path}.full",
            f"{name} was trained {words(full)}; here it is trained when the Glue job succeeds",
            "let Glue run the job as often"
            + (f"; fresh_within_hours: {fresh} alarms when no refresh came" if fresh else ""),
        )
    mode = config.object("solutionVersion").text("trainingMode")
    if (update and update != "delete") or mode == "UPDATE":
        where = f"{schedules.path}.update" if update else f"{config.path}.solutionVersion"
        often = f" {words(update)}" if update else ""
        draft.note(
            "NOT ADOPTED",
            where,
            f"{name} had UPDATE trainings{often}; the file says FULL for all of them",
            "an UPDATE training by hand: python -m ops start <refresh> --training-mode UPDATE "
            "--environment <name>",
        )
    if config.has("performAutoML"):
        draft.note(
            "NOTE",
            f"{config.path}.performAutoML",
            "the Solution ignores it since 1.4, and so does this app",
            "the recipe is the solution's own",
        )
    _batch_jobs(draft, solution, name)
    _unknown(draft, solution.unknown("solutions[]") + schedules.unknown("schedules"))


def _batch_jobs(draft: Draft, solution: Place, name: str) -> None:
    for key, kind in JOBS.items():
        for job in solution.each(key):
            schedule = job.object("workflowConfig").text("schedule")
            often = f", {words(schedule)}" if schedule else ""
            draft.note(
                "NOT ADOPTED",
                job.path,
                f"a batch {kind} job of {name}{often}: this app has none",
                "start it when the event says COMPLETE (docs/operations.md#events-and-"
                f"notifications): aws personalize create-batch-{kind}-job … "
                "--solution-version-arn <that of the event>",
            )


def _others(draft: Draft, root: Place) -> None:
    """Note what is no solution: schedules of imports, and what stays in Personalize as it is."""
    schedules = root.object("datasetGroup").object("workflowConfig").object("schedules")
    often = schedules.text("import")
    if often and often != "delete":
        draft.note(
            "NOT ADOPTED",
            f"{schedules.path}.import",
            f"the data was imported {words(often)}; here it is when the Glue job succeeds",
            "let Glue run the job as often, or import alone as you do now",
        )
    for recommender in root.each("recommenders"):
        name = recommender.object("serviceConfig").text("name", needed=True)
        draft.note(
            "NOT ADOPTED",
            recommender.path,
            f"the recommender {name} is not adopted: Personalize trains it by itself",
            f"write - {{recommender: {name}}} under campaigns, and its data are imported",
        )
    for each in root.each("filters"):
        name = each.object("serviceConfig").text("name", needed=True)
        what = f"the filter {name} stays in Personalize as it is"
        draft.note("NOTE", each.path, what, "change it there: it belongs to the dataset group")
    if tracker := root.object("eventTracker").object("serviceConfig").text("name"):
        what = f"the event tracker {tracker} stays, and goes on recording"
        draft.note("NOTE", "eventTracker", what, "nothing")
    if root.has("tags"):
        draft.note(
            "NOTE",
            "tags",
            "what exists keeps its tags; imports and trainings of this app have none",
            "the setting tags puts tags on the stack's own resources",
        )
    _unknown(
        draft,
        root.unknown("")
        + root.object("datasets").unknown("datasets")
        + schedules.unknown("schedules"),
    )


def _unknown(draft: Draft, paths: list[str]) -> None:
    for path in paths:
        draft.note(
            "NOT ADOPTED",
            path,
            "the Solution's parameter files have no such key; it was passed over",
            "check its spelling in the parameter file, and run this again",
        )
