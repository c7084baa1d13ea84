"""Event trackers: by a tracker's ID events find the interactions of a dataset group."""

from __future__ import annotations

import hashlib
import uuid

from embedded_aws.services.personalize.resources import Answer, DatasetGroup, EventTracker
from embedded_aws.services.personalize.store import (
    Store,
    check_active,
    check_quota,
    page,
    taken,
)


class EventTrackers(Store):
    """The operations on event trackers: a method per operation, named as boto3 names it."""

    def create_event_tracker(
        self,
        *,
        name: str,
        dataset_group_arn: str,
        tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        """Start creating the event tracker of a dataset group, which can have only one."""
        group = self.find(DatasetGroup, dataset_group_arn)
        self.refuse_taken(self.arn(f"event-tracker/{name}"))
        check_active(group)
        if any(tracker.group is group for tracker in self.of(EventTracker)):
            raise taken(
                f"Another event tracker already exists for dataset group {dataset_group_arn}."
            )
        check_quota(self.of(EventTracker), self.behaviour.event_trackers)
        tracker = self.new(
            EventTracker,
            "event-tracker",
            f"event-tracker/{name}",
            tags,
            name=name,
            group=group,
            tracking_id=tracking_id(self.arn(f"event-tracker/{name}")),
        )
        self.settle(tracker)
        return {"eventTrackerArn": tracker.arn, "trackingId": tracker.tracking_id}

    def describe_event_tracker(self, *, event_tracker_arn: str) -> Answer:
        """Describe an event tracker."""
        described = self.find(EventTracker, event_tracker_arn).describe()
        return {"eventTracker": described | {"accountId": self.account_id}}

    def list_event_trackers(
        self,
        *,
        dataset_group_arn: str | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> Answer:
        """List event trackers, all or one group's."""
        trackers = self.of(EventTracker)
        found = [t.describe() for t in trackers if dataset_group_arn in (None, t.group.arn)]
        return page("eventTrackers", found, max_results, next_token)

    def delete_event_tracker(self, *, event_tracker_arn: str) -> Answer:
        """Delete an event tracker; what it recorded stays in the dataset."""
        tracker = self.find(EventTracker, event_tracker_arn)
        check_active(tracker)
        self.remove(tracker)
        return {}


def tracking_id(arn: str) -> str:
    """Return the tracking ID that a resource has: the same in each run."""
    return str(uuid.UUID(hashlib.sha256(arn.encode()).hexdigest()[:32]))
