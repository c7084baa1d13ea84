"""Filters: their operations, and what they leave of a campaign's or recommender's items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from embedded_aws.services.personalize.filter_expressions import (
    Condition,
    Field,
    Row,
    Situation,
    Statement,
    keeps,
    parse,
    parse_values,
    placeholders,
)
from embedded_aws.services.personalize.resources import (
    Answer,
    DatasetGroup,
    Filter,
    PersonalizeError,
)
from embedded_aws.services.personalize.store import (
    Store,
    check_active,
    check_quota,
    invalid,
    page,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MOST_EVENTS = 100  # the latest ones of a user and event type
_ID = {"ITEMID": "ITEM_ID", "ACTIONID": "ACTION_ID", "USERID": "USER_ID"}
_METADATA = {"ITEMID": "ITEMS", "ACTIONID": "ACTIONS"}
_EVENTS = {"ITEMID": "INTERACTIONS", "ACTIONID": "ACTION_INTERACTIONS"}


class Filters(Store):
    """The operations on filters: a method per operation, named as boto3 names it."""

    def create_filter(
        self,
        *,
        name: str,
        dataset_group_arn: str,
        filter_expression: str,
        tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        """Start creating a filter; its expression is checked against the group's schemas."""
        group = self.find(DatasetGroup, dataset_group_arn)
        any_case = self.behaviour.filter_keywords == "any case"
        try:
            statements = parse(filter_expression, any_case=any_case)
            for statement in statements:
                self._check_operators(statement)
        except ValueError as error:
            raise invalid(f"The filter expression is not valid: {error}.") from error
        unknown = next((why for s in statements if (why := self._unknown(group, s))), None)
        if unknown and self.behaviour.filter_of_unknown_field == "refused":
            raise invalid(unknown)
        self.refuse_taken(self.arn(f"filter/{name}"))
        check_quota(self.of(Filter), self.behaviour.filters)
        made = self.new(
            Filter,
            "filter",
            f"filter/{name}",
            tags,
            name=name,
            group=group,
            expression=filter_expression,
            statements=statements,
        )
        self.settle(made, failure=unknown)
        return {"filterArn": made.arn}

    def describe_filter(self, *, filter_arn: str) -> Answer:
        """Describe a filter."""
        return {"filter": self.find(Filter, filter_arn).describe()}

    def list_filters(
        self,
        *,
        dataset_group_arn: str | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> Answer:
        """List filters, all or one group's."""
        found = [f.describe() for f in self.of(Filter) if dataset_group_arn in (None, f.group.arn)]
        return page("Filters", found, max_results, next_token)

    def delete_filter(self, *, filter_arn: str) -> Answer:
        """Delete a filter that is not being created."""
        found = self.find(Filter, filter_arn)
        if found.status != "CREATE FAILED":
            check_active(found)
        self.remove(found)
        return {}

    def kept(
        self,
        filter_arn: str,
        group: DatasetGroup,
        values: Mapping[str, str] | None,
        *,
        user: str | None,
        item: str | None = None,
        filters: str = "ITEMID",
    ) -> Callable[[str], bool]:
        """Return which items (or actions) a filter keeps in one request.

        Raises the errors of a request whose filter, or whose values, do not fit.
        """
        found = self.resources.get(filter_arn)
        if not isinstance(found, Filter) or found.status != "ACTIVE":
            raise PersonalizeError("ResourceNotFoundException", "Filter not found.")
        if found.group is not group:
            raise invalid(f"Filter {filter_arn} is of another dataset group.")
        if any(statement.filters != filters for statement in found.statements):
            raise invalid(f"Filter {filter_arn} does not filter by {filters}.")
        given = _values(found, values or {})
        fields = [field for s in found.statements for c in s.conditions for field in _fields(c)]
        if item is None and any(field.of == "CURRENTITEM" for field in fields):
            raise invalid(f"Filter {filter_arn} needs itemId, and a recipe of related items.")
        used = {field.dataset for field in fields}
        situation = Situation(
            rows=self._rows(group, _METADATA[filters], _ID[filters]),
            events=self._events(group, filters, user) if _EVENTS[filters] in used else {},
            user=self._rows(group, "USERS", "USER_ID").get(user or "") if "USERS" in used else None,
            item=self._rows(group, "ITEMS", "ITEM_ID").get(item or "") if item else None,
            values=given,
        )
        return lambda id_: keeps(found.statements, id_, situation)

    def _rows(self, group: DatasetGroup, kind: str, id_: str) -> dict[str, Row]:
        """Return the metadata of a group by ID, the latest of each."""
        found: dict[str, Row] = {}
        for path in self.imported(group, kind):
            for row in pl.scan_parquet(path).collect().iter_rows(named=True):
                found[row[id_]] = row
        return found

    def _events(self, group: DatasetGroup, filters: str, user: str | None) -> dict[str, list[Row]]:
        """Return a user's interactions by item (or action): the latest of each event type."""
        found: dict[str, list[Row]] = {}
        counted: dict[Any, int] = {}
        rows = [
            row
            for path in self.imported(group, _EVENTS[filters])
            for row in pl.scan_parquet(path)
            .filter(pl.col("USER_ID") == user)
            .collect()
            .iter_rows(named=True)
        ]
        for row in sorted(rows, key=lambda row: row["TIMESTAMP"], reverse=True):
            kind = row.get("EVENT_TYPE")
            counted[kind] = counted.get(kind, 0) + 1
            if counted[kind] <= _MOST_EVENTS:
                found.setdefault(row[_ID[filters]], []).append(row)
        return found

    def _unknown(self, group: DatasetGroup, statement: Statement) -> str | None:
        for condition in statement.conditions:
            for field in _fields(condition):
                dataset = self.dataset(group, field.dataset)
                if dataset is None:
                    return f"Dataset group {group.arn} has no dataset {field.dataset}."
                if field.name not in dataset.schema.columns:
                    return f"Dataset {field.dataset} has no field {field.name}."
                kind = dataset.schema.columns[field.name].kind
                is_text = kind in ("string", "boolean")
                if is_text != condition.operator.endswith("IN"):
                    return f"Operator {condition.operator} does not fit {field.name}, a {kind}."
        return None

    def _check_operators(self, statement: Statement) -> None:
        refused = self.behaviour.placeholders_with_not_in == "refused"
        for condition in statement.conditions:
            if condition.operator == "NOT IN" and placeholders([condition]) and refused:
                raise ValueError("NOT IN cannot have a placeholder")
            texts = [v for v in condition.values if isinstance(v, str)]
            numbers = [v for v in condition.values if isinstance(v, float)]
            if numbers if condition.operator.endswith("IN") else texts:
                raise ValueError("IN compares strings in double quotes, other operators numbers")
            if "*" in texts and condition.field.name != "EVENT_TYPE":
                raise ValueError("* stands for all event types only")


def _values(found: Filter, given: Mapping[str, str]) -> dict[str, tuple[str | float, ...]]:
    """Return a request's values for the placeholders of a filter."""
    try:
        values = parse_values(given)
    except ValueError as error:
        raise invalid(f"filterValues are not valid: {error}.") from error
    conditions = [c for s in found.statements for c in s.conditions]
    names = placeholders(conditions)
    if extra := [name for name in values if name not in names]:
        raise invalid(f"Filter {found.arn} has no placeholder {', '.join(extra)}.")
    needed = [name for s in found.statements if s.includes for name in placeholders(s.conditions)]
    if missing := [name for name in needed if name not in values]:
        raise invalid(f"filterValues must have a value for {', '.join(missing)}.")
    for condition in conditions:
        kind: type = str if condition.operator.endswith("IN") else float
        for placeholder in placeholders([condition]):
            if any(not isinstance(value, kind) for value in values.get(placeholder, ())):
                raise invalid(f"The value of {placeholder} does not fit {condition.field.name}.")
    return values


def _fields(condition: Condition) -> list[Field]:
    return [condition.field, *(v for v in condition.values if isinstance(v, Field))]
