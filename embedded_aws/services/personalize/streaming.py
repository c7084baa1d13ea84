"""The operations of `personalize-events`: single records, put into the datasets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from embedded_aws import clock
from embedded_aws.services.personalize.action_model import EVENT_TYPES
from embedded_aws.services.personalize.resources import Answer, Dataset, EventTracker, present
from embedded_aws.services.personalize.store import Store, check_active, invalid, not_found

if TYPE_CHECKING:
    from collections.abc import Mapping

    from embedded_aws.services.personalize.avro import Column

_PYTHON: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "int": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
}


class Streaming(Store):
    """A method per operation, named as boto3 names it."""

    def put_events(
        self,
        *,
        tracking_id: str,
        session_id: str,
        event_list: list[Answer],
        user_id: str | None = None,
    ) -> Answer:
        """Append events to the interactions of the tracker's dataset group.

        Events without a user belong to the one who is named later in the same session.
        """
        trackers = [t for t in self.of(EventTracker) if t.tracking_id == tracking_id]
        if not trackers or trackers[0].status != "ACTIVE":
            raise invalid(f"There is no active event tracker with the ID {tracking_id}.")
        dataset = self.dataset(trackers[0].group, "INTERACTIONS")
        if dataset is None or dataset.status != "ACTIVE":
            raise invalid(f"{trackers[0].group.arn} has no active Item interactions dataset.")
        rows = [self._interaction(dataset, user_id, event) for event in event_list]
        waiting = dataset.sessions.setdefault(session_id, [])
        waiting += rows
        if user_id is not None:
            for row in waiting:
                row["USER_ID"] = user_id
            self._append(dataset, waiting)
            del dataset.sessions[session_id]
        return {}

    def put_items(self, *, dataset_arn: str, items: list[Answer]) -> Answer:
        """Add items to an Items dataset, or change those with the same IDs."""
        return self._put(dataset_arn, "ITEMS", items)

    def put_users(self, *, dataset_arn: str, users: list[Answer]) -> Answer:
        """Add users to a Users dataset, or change those with the same IDs."""
        return self._put(dataset_arn, "USERS", users)

    def put_actions(self, *, dataset_arn: str, actions: list[Answer]) -> Answer:
        """Add actions to an Actions dataset, or change those with the same IDs."""
        return self._put(dataset_arn, "ACTIONS", actions)

    def put_action_interactions(
        self, *, tracking_id: str, action_interactions: list[Answer]
    ) -> Answer:
        """Append to the Action interactions dataset with this tracking ID."""
        found = [d for d in self.of(Dataset) if d.tracking_id == tracking_id]
        if not found:
            raise not_found(tracking_id)
        check_active(found[0])
        rows = []
        for event in action_interactions:
            kind = event["eventType"].upper().replace(" ", "_")
            if kind not in EVENT_TYPES and self.behaviour.other_action_events == "failed":
                raise invalid(f"eventType must be one of {', '.join(EVENT_TYPES)}.")
            known = _named(event, "actionId", "userId", "eventType", "recommendationId")
            known["TIMESTAMP"] = int(event["timestamp"])
            rows.append(self._row(found[0], known, event.get("properties")))
        self._append(found[0], [row for row in rows if row["USER_ID"] is not None])
        return {}

    def _put(self, dataset_arn: str, kind: str, records: list[Answer]) -> Answer:
        dataset = self.find(Dataset, dataset_arn)
        if dataset.dataset_type != kind:
            raise invalid(f"Dataset {dataset_arn} is of type {dataset.dataset_type}, not {kind}.")
        check_active(dataset)
        ids = ("itemId", "userId", "actionId")
        self._append(
            dataset,
            [self._row(dataset, _named(r, *ids), r.get("properties")) for r in records],
        )
        return {}

    def _append(self, dataset: Dataset, rows: list[Answer]) -> None:
        now = clock.current().time()
        dataset.streamed = (*dataset.streamed, *((now, row) for row in rows))
        dataset.changed = dataset.updated = now

    def _interaction(self, dataset: Dataset, user_id: str | None, event: Answer) -> Answer:
        known = _named(event, "itemId", "eventType", "eventValue", "recommendationId")
        known |= present(USER_ID=user_id, IMPRESSION="|".join(event.get("impression", [])) or None)
        known["TIMESTAMP"] = int(event["sentAt"])
        return self._row(dataset, known, event.get("properties"))

    def _row(self, dataset: Dataset, known: Answer, properties: str | None) -> Answer:
        """Return a record by the schema's columns; raise InvalidInput if it does not fit."""
        columns = dataset.schema.columns
        try:
            given = json.loads(properties or "{}")
        except ValueError as error:
            raise invalid(f"properties must be a JSON object: {error}") from error
        if not isinstance(given, dict):
            raise invalid("properties must be a JSON object.")
        values = {constant_case(name): value for name, value in given.items()} | known
        strict = self.behaviour.properties_that_do_not_fit == "refused"
        extra = [name for name in map(constant_case, given) if name not in columns]
        if extra and strict:
            raise invalid(f"The schema has no field {', '.join(extra)}.")
        row = {name: values.get(name) for name in columns}
        for name, column in columns.items():
            if not _fits(column, row[name]):
                if strict or name in ("ITEM_ID", "ACTION_ID"):
                    raise invalid(f"Field {name} must be of type {column.kind}: {row[name]}")
                row[name] = None
        _check_required(dataset.dataset_type, columns, row)
        return row


def constant_case(name: str) -> str:
    """Return a property's name as fields are named: `unitPrice` is UNIT_PRICE."""
    if name.isupper():
        return name
    return "".join(f"_{c}" if c.isupper() else c for c in name).lstrip("_").upper()


def _named(record: Mapping[str, Any], *members: str) -> Answer:
    return {constant_case(name): record[name] for name in members if name in record}


def _fits(column: Column, value: Any) -> bool:
    if value is None:
        return True
    is_boolean = isinstance(value, bool)
    return isinstance(value, _PYTHON[column.kind]) and is_boolean == (column.kind == "boolean")


def _check_required(kind: str, columns: Mapping[str, Column], row: Answer) -> None:
    later = "USER_ID" if "INTERACTIONS" in kind else ""  # of a user who is not yet known
    needed = [name for name, column in columns.items() if not column.nullable and name != later]
    if missing := [name for name in needed if row[name] is None]:
        raise invalid(f"The record has no value for {', '.join(missing)}.")
