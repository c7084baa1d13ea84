"""Dataset groups, schemas and datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedded_aws import clock
from embedded_aws.services.personalize.avro import (
    DATASET_TYPES,
    check_columns,
    check_replacement,
    parse_schema,
    record_type,
)
from embedded_aws.services.personalize.event_trackers import tracking_id
from embedded_aws.services.personalize.resources import (
    IN_PROGRESS,
    Answer,
    Dataset,
    DatasetGroup,
    DatasetImportJob,
    EventTracker,
    Recommender,
    Schema,
    Solution,
    SolutionVersion,
)
from embedded_aws.services.personalize.store import (
    Store,
    check_active,
    check_quota,
    in_use,
    invalid,
    page,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from embedded_aws.services.personalize.avro import Column

_REPLACEABLE = ("ITEMS", "USERS")  # the types whose datasets can get another schema


class Datasets(Store):
    """The operations on data: a method per operation, named as boto3 names it."""

    def create_dataset_group(
        self,
        *,
        name: str,
        role_arn: str | None = None,
        kms_key_arn: str | None = None,
        domain: str | None = None,
        tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        """Start creating a dataset group: a custom one, or one of a domain."""
        if role_arn and not kms_key_arn:
            raise invalid("roleArn can be given only with kmsKeyArn.")
        self.refuse_taken(self.arn(f"dataset-group/{name}"))
        check_quota(self.of(DatasetGroup), self.behaviour.dataset_groups)
        group = self.new(
            DatasetGroup,
            "dataset-group",
            f"dataset-group/{name}",
            tags,
            name=name,
            role_arn=role_arn,
            kms_key_arn=kms_key_arn,
            domain=domain,
        )
        self.settle(group)
        return {"datasetGroupArn": group.arn} | ({"domain": domain} if domain else {})

    def describe_dataset_group(self, *, dataset_group_arn: str) -> Answer:
        """Describe a dataset group."""
        return {"datasetGroup": self.find(DatasetGroup, dataset_group_arn).describe()}

    def list_dataset_groups(
        self, *, next_token: str | None = None, max_results: int | None = None
    ) -> Answer:
        """List dataset groups."""
        found = [group.describe() for group in self.of(DatasetGroup)]
        return page("datasetGroups", found, max_results, next_token)

    def delete_dataset_group(self, *, dataset_group_arn: str) -> Answer:
        """Delete a group that has no datasets, solutions, recommenders and event tracker."""
        group = self.find(DatasetGroup, dataset_group_arn)
        check_active(group)
        users: list[Dataset | Solution | Recommender | EventTracker] = [
            *self.of(Dataset),
            *self.of(Solution),
            *self.of(Recommender),
            *self.of(EventTracker),
        ]
        if any(user.group is group for user in users):
            raise in_use(
                f"Resource {group.arn} still has datasets, solutions, recommenders or an event "
                "tracker."
            )
        self.remove(group)
        return {}

    def create_schema(self, *, name: str, schema: str, domain: str | None = None) -> Answer:
        """Store an Avro schema; it can be used at once."""
        self.refuse_taken(self.arn(f"schema/{name}"))
        try:
            columns = parse_schema(schema)
            if self.behaviour.schemas_are_checked_by == "CreateSchema":
                self._check_schema(record_type(schema), schema, columns, domain)
        except ValueError as error:
            raise invalid(f"The schema is not valid: {error}.") from error
        check_quota(self.of(Schema), self.behaviour.schemas)
        made = self.new(
            Schema,
            "schema",
            f"schema/{name}",
            name=name,
            schema=schema,
            columns=columns,
            domain=domain,
            status="ACTIVE",
        )
        return {"schemaArn": made.arn}

    def describe_schema(self, *, schema_arn: str) -> Answer:
        """Describe a schema."""
        return {"schema": self.find(Schema, schema_arn).describe()}

    def list_schemas(
        self, *, next_token: str | None = None, max_results: int | None = None
    ) -> Answer:
        """List schemas."""
        found = [schema.describe() for schema in self.of(Schema)]
        return page("schemas", found, max_results, next_token)

    def delete_schema(self, *, schema_arn: str) -> Answer:
        """Delete a schema that no dataset uses, at once."""
        schema = self.find(Schema, schema_arn)
        updates = [dataset.update or {} for dataset in self.of(Dataset)]
        if any(dataset.schema is schema for dataset in self.of(Dataset)) or any(
            update.get("schemaArn") == schema_arn and update["status"] in IN_PROGRESS
            for update in updates
        ):
            raise in_use(f"Resource {schema_arn} is used by a dataset.")
        del self.resources[schema_arn]
        return {}

    def create_dataset(
        self,
        *,
        name: str,
        schema_arn: str,
        dataset_group_arn: str,
        dataset_type: str,
        tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        """Start creating an empty dataset; a group can have one of each type."""
        schema, group = self.find(Schema, schema_arn), self.find(DatasetGroup, dataset_group_arn)
        kind = dataset_type.upper()
        if kind not in DATASET_TYPES:
            raise invalid(f"Dataset type {dataset_type} is not one of {', '.join(DATASET_TYPES)}.")
        if schema.domain != group.domain and self.behaviour.schema_of_another_domain == "refused":
            raise invalid(
                f"Schema {schema_arn} is of domain {schema.domain or '(none)'}, but dataset group "
                f"{dataset_group_arn} of domain {group.domain or '(none)'}."
            )
        try:
            self._check_schema(kind, schema.schema, schema.columns, group.domain)
        except ValueError as error:
            raise invalid(f"Schema {schema_arn} does not fit the dataset: {error}.") from error
        check_active(group)
        dataset = self.new(
            Dataset,
            "dataset",
            f"dataset/{group.name}/{kind}",
            tags,
            name=name,
            group=group,
            dataset_type=kind,
            schema=schema,
        )
        if kind == "ACTION_INTERACTIONS":
            dataset.tracking_id = tracking_id(dataset.arn)
        self.settle(dataset)
        return {"datasetArn": dataset.arn}

    def describe_dataset(self, *, dataset_arn: str) -> Answer:
        """Describe a dataset."""
        return {"dataset": self.find(Dataset, dataset_arn).describe()}

    def update_dataset(self, *, dataset_arn: str, schema_arn: str) -> Answer:
        """Start to replace a dataset's schema by one that has all of its fields, and new ones."""
        dataset, schema = self.find(Dataset, dataset_arn), self.find(Schema, schema_arn)
        check_active(dataset)
        if dataset.dataset_type not in _REPLACEABLE:
            raise invalid(f"The schema of a dataset of type {dataset.dataset_type} is final.")
        jobs = [job for job in self.of(DatasetImportJob) if job.dataset is dataset]
        if (dataset.update and dataset.update["status"] in IN_PROGRESS) or (
            any(job.status in IN_PROGRESS for job in jobs)
            and self.behaviour.dataset_update_during_import == "refused"
        ):
            raise in_use(f"Resource {dataset_arn} is being updated or imported into.")
        try:
            group = dataset.group
            self._check_schema(dataset.dataset_type, schema.schema, schema.columns, group.domain)
            check_replacement(dataset.schema.columns, schema.columns)
        except ValueError as error:
            raise invalid(f"Schema {schema_arn} does not fit the dataset: {error}.") from error
        now = clock.current()
        update = dataset.update = {
            "schemaArn": schema_arn,
            "status": "CREATE PENDING",
            "creationDateTime": now.time(),
            "lastUpdatedDateTime": now.time(),
        }

        def finish() -> None:
            update.update(status="ACTIVE", lastUpdatedDateTime=now.time())
            dataset.schema, dataset.updated = schema, now.time()

        duration = self.behaviour.resource_seconds
        progress = {"status": "CREATE IN_PROGRESS"}
        self.after(duration / 2, lambda: update.update(progress, lastUpdatedDateTime=now.time()))
        self.after(duration, finish)
        return {"datasetArn": dataset_arn}

    def list_datasets(
        self,
        *,
        dataset_group_arn: str | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> Answer:
        """List datasets, all or one group's."""
        found = [d.describe() for d in self.of(Dataset) if dataset_group_arn in (None, d.group.arn)]
        return page("datasets", found, max_results, next_token)

    def delete_dataset(self, *, dataset_arn: str) -> Answer:
        """Delete a dataset that nothing imports into or trains on."""
        dataset = self.find(Dataset, dataset_arn)
        check_active(dataset)
        jobs = [job for job in self.of(DatasetImportJob) if job.dataset is dataset]
        trainings = [v for v in self.of(SolutionVersion) if v.solution.group is dataset.group]
        made = [r for r in self.of(Recommender) if r.group is dataset.group]
        if any(user.status in IN_PROGRESS for user in (*jobs, *trainings, *made)):
            raise in_use(f"Resource {dataset_arn} is being imported into or trained on.")
        self.remove(dataset)
        return {}

    def _check_schema(
        self, kind: str | None, text: str, columns: Mapping[str, Column], domain: str | None
    ) -> None:
        """Raise ValueError unless a dataset of this type can have this schema."""
        if kind is None or record_type(text) != kind:
            raise ValueError(
                f"its name must be that of the dataset type, {kind or 'such as Items'}"
            )
        check_columns(kind, columns, domain, self.behaviour.schema_rules())
