"""What all of Personalize's operations share: finding, naming, listing, tagging, and time."""

from __future__ import annotations

import base64
import binascii
import math
import shutil
import tempfile
import threading
import weakref
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from moto.core.base_backend import BaseBackend

from embedded_aws import clock
from embedded_aws.services.personalize.behaviour import PersonalizeBehaviour
from embedded_aws.services.personalize.dataset_import import write_rows
from embedded_aws.services.personalize.resources import (
    IN_PROGRESS,
    Answer,
    Dataset,
    PersonalizeError,
    Resource,
    Schema,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from embedded_aws.services.personalize.resources import (
        DatasetGroup,
        Solution,
        SolutionVersion,
    )
    from embedded_aws.services.personalize.training_rules import TrainingRules

AnyResource = TypeVar("AnyResource", bound=Resource)
MOST_TAGS = 50


class Store(BaseBackend):
    """The resources of one account and region, by ARN, in the order of their creation.

    Every operation and every transition takes `lock`; nothing slow happens while it is held.
    """

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.lock = threading.RLock()
        self.behaviour = PersonalizeBehaviour()
        self.resources: dict[str, Resource] = {}

    @cached_property
    def scratch(self) -> Path:
        """A folder for imported data; it is deleted with the backend, or when the process ends."""
        made = Path(tempfile.mkdtemp(prefix="personalize-"))
        weakref.finalize(self, shutil.rmtree, made, ignore_errors=True)
        return made

    def tag_resource(self, *, resource_arn: str, tags: list[dict[str, str]]) -> Answer:
        """Add tags, or replace those of the same key."""
        resource = self.find(Resource, resource_arn)
        resource.tags = self._tags([*_as_list(resource.tags), *tags])
        return {}

    def untag_resource(self, *, resource_arn: str, tag_keys: list[str]) -> Answer:
        """Remove the tags of these keys."""
        resource = self.find(Resource, resource_arn)
        resource.tags = {k: v for k, v in resource.tags.items() if k not in tag_keys}
        return {}

    def list_tags_for_resource(self, *, resource_arn: str) -> Answer:
        """List a resource's tags."""
        return {"tags": _as_list(self.find(Resource, resource_arn).tags)}

    def find(self, kind: type[AnyResource], arn: str) -> AnyResource:
        """Return the resource of this type and ARN, or raise ResourceNotFoundException."""
        resource = self.resources.get(arn)
        if not isinstance(resource, kind):
            raise not_found(arn)
        return resource

    def of(self, kind: type[AnyResource]) -> list[AnyResource]:
        """Return all resources of this type, oldest first."""
        return [r for r in self.resources.values() if isinstance(r, kind)]

    def dataset(self, group: DatasetGroup, dataset_type: str) -> Dataset | None:
        """Return a group's dataset of a type (`INTERACTIONS`), if it has one."""
        for dataset in self.of(Dataset):
            if dataset.group is group and dataset.dataset_type == dataset_type:
                return dataset
        return None

    def missing(self, group: DatasetGroup, *dataset_types: str) -> str | None:
        """Return a message that says which of these datasets a group does not have, if any."""
        missing = [kind for kind in dataset_types if self.dataset(group, kind) is None]
        if not missing:
            return None
        return f"Dataset group {group.arn} needs a dataset of type {' and '.join(missing)}."

    def imported(
        self, group: DatasetGroup, dataset_type: str, until: float = math.inf
    ) -> tuple[Path, ...]:
        """Return the files of a group's dataset of a type: of imports, and of single records.

        Those that came until a time, if one is given.
        """
        dataset = self.dataset(group, dataset_type)
        if dataset is None:
            return ()
        files = tuple(path for path in dataset.files if dataset.came.get(path, 0.0) <= until)
        rows = [row for at, row in dataset.streamed if at <= until]
        if not rows:
            return files
        # Records and fields are only ever added, so that their numbers say what is in the file.
        columns = dataset.schema.columns
        name = f"{group.name}-{dataset_type}-{dataset.created}-{len(rows)}-{len(columns)}"
        path = self.scratch / f"{name}.parquet"
        if not path.exists():
            write_rows(path, rows, columns)
        return (*files, path)

    def training_rules(self, group: DatasetGroup) -> TrainingRules:
        """Return what a training on a group's interactions needs."""
        dataset = self.dataset(group, "INTERACTIONS")
        return self.behaviour.training_rules(dataset.schema.columns if dataset else {})

    def new(
        self,
        kind: type[AnyResource],
        kind_name: str,
        path: str,
        tags: list[dict[str, str]] | None = None,
        **fields: Any,
    ) -> AnyResource:
        """Store and return a new resource with the ARN `…:<path>`; its name must not be in use."""
        arn = self.arn(path)
        self.refuse_taken(arn)
        now = clock.current().time()
        made = kind(
            kind=kind_name, arn=arn, created=now, updated=now, tags=self._tags(tags), **fields
        )
        self.resources[arn] = made
        return made

    def arn(self, path: str) -> str:
        """Return the ARN of a resource in this account and region."""
        return f"arn:{self.partition}:personalize:{self.region_name}:{self.account_id}:{path}"

    def refuse_taken(self, arn: str) -> None:
        """Raise ResourceAlreadyExistsException if there is a resource with this ARN."""
        if arn in self.resources:
            raise taken(f"Another resource with Arn {arn} already exists.")

    def advance(self, resource: Resource, status: str, failure_reason: str | None = None) -> None:
        """Move a resource to its next status, now."""
        resource.status, resource.failure_reason = status, failure_reason
        resource.updated = clock.current().time()

    def after(self, seconds: float, transition: Callable[[], None]) -> None:
        """Run a transition after this many simulated seconds, under the lock."""

        def locked() -> None:
            with self.lock:
                transition()

        now = clock.current()
        now.call_at(now.time() + seconds, locked)

    def settle(
        self,
        resource: Resource,
        then: Callable[[], None] | None = None,
        failure: str | None = None,
    ) -> None:
        """Make a resource ACTIVE, or fail, after a short time, if it only has to be set up."""
        duration = self.behaviour.resource_seconds

        def begin() -> None:
            if resource.status == "CREATE PENDING":
                self.advance(resource, "CREATE IN_PROGRESS")

        def finish() -> None:
            if resource.status == "CREATE IN_PROGRESS":
                self.advance(resource, "CREATE FAILED" if failure else "ACTIVE", failure)
                if then and not failure:
                    then()

        self.after(duration / 2, begin)
        self.after(duration, finish)

    def solution_active(self, solution: Solution) -> None:
        """Do what follows when a solution becomes ACTIVE."""

    def solution_version_active(self, version: SolutionVersion) -> None:
        """Do what follows when a solution version becomes ACTIVE."""

    def remove(self, resource: Resource, *others: Resource) -> None:
        """Delete a resource, and others with it, after a short time."""
        self.advance(resource, "DELETE PENDING")

        def step() -> None:
            for gone in (*others, resource):
                self.resources.pop(gone.arn, None)

        duration = self.behaviour.resource_seconds
        self.after(duration / 2, lambda: self.advance(resource, "DELETE IN_PROGRESS"))
        self.after(duration, step)

    def _tags(self, tags: list[dict[str, str]] | None) -> dict[str, str]:
        merged = {tag["tagKey"]: tag["tagValue"] for tag in tags or []}
        if len(merged) > MOST_TAGS:
            raise PersonalizeError(
                "TooManyTagsException", f"A resource can have at most {MOST_TAGS} tags."
            )
        return merged


def page(
    member: str, items: Iterable[Answer], max_results: int | None, next_token: str | None
) -> Answer:
    """Return one page of a list: at most `max_results` (100) items, and the token of the next.

    The token is the position of the next page's first item, so that items created meanwhile are
    found.
    """
    everything = list(items)
    start = 0
    if next_token is not None:
        try:
            start = int(base64.b64decode(next_token, validate=True))
        except (binascii.Error, ValueError):
            start = -1
        if not 0 < start <= len(everything):
            raise PersonalizeError("InvalidNextTokenException", "The token is not valid.")
    end = start + (max_results or 100)
    answer: Answer = {member: everything[start:end]}
    if end < len(everything):
        answer["nextToken"] = base64.b64encode(str(end).encode()).decode()
    return answer


def not_found(arn: str) -> PersonalizeError:
    """Return the error for an ARN of a resource that does not exist."""
    return PersonalizeError("ResourceNotFoundException", f"Resource Arn {arn} does not exist.")


def taken(message: str) -> PersonalizeError:
    """Return a ResourceAlreadyExistsException."""
    return PersonalizeError("ResourceAlreadyExistsException", message)


def invalid(message: str) -> PersonalizeError:
    """Return an InvalidInputException."""
    return PersonalizeError("InvalidInputException", message)


def in_use(message: str) -> PersonalizeError:
    """Return a ResourceInUseException."""
    return PersonalizeError("ResourceInUseException", message)


def check_active(resource: Resource) -> None:
    """Raise ResourceInUseException unless a resource is ACTIVE; schemas always are."""
    if not isinstance(resource, Schema) and resource.status != "ACTIVE":
        raise in_use(f"Resource {resource.arn} is in {resource.status} state, it must be ACTIVE.")


def check_quota(resources: Iterable[Resource], most: int, *, in_progress: bool = False) -> None:
    """Raise LimitExceededException if one more would be too many.

    Counts those that are being created (`in_progress`), otherwise all that exist and did not fail.
    """
    statuses = [r.status for r in resources]
    if in_progress:
        if sum(status in IN_PROGRESS for status in statuses) >= most:
            raise PersonalizeError(
                "LimitExceededException",
                f"More than {most} resources with PENDING or IN_PROGRESS status.",
            )
    elif sum(not status.endswith("FAILED") for status in statuses) >= most:
        raise PersonalizeError(
            "LimitExceededException",
            f"More than {most} resources in ACTIVE state. Please delete some and try again.",
        )


def _as_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"tagKey": key, "tagValue": value} for key, value in tags.items()]
