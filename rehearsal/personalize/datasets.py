"""Dataset groups, schemas, datasets and dataset import jobs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rehearsal import clock
from rehearsal.personalize.bulk_data import Location
from rehearsal.personalize.dataset_import import Rules, import_dataset
from rehearsal.personalize.resources import (
    IN_PROGRESS,
    Answer,
    Dataset,
    DatasetGroup,
    DatasetImportJob,
    Schema,
    Solution,
    SolutionVersion,
)
from rehearsal.personalize.store import Store, check_active, check_quota, in_use, invalid, page

if TYPE_CHECKING:
    from collections.abc import Mapping

# Columns that a dataset of the type must have.
_REQUIRED_COLUMNS = {
    "INTERACTIONS": ("USER_ID", "ITEM_ID", "TIMESTAMP"),
    "ITEMS": ("ITEM_ID",),
    "USERS": ("USER_ID",),
    "ACTIONS": ("ACTION_ID",),
    "ACTION_INTERACTIONS": ("USER_ID", "ACTION_ID", "EVENT_TYPE", "TIMESTAMP"),
}


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
        """Begin a dataset group."""
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
        """Delete a group that has neither datasets nor solutions."""
        group = self.find(DatasetGroup, dataset_group_arn)
        check_active(group)
        datasets = [dataset for dataset in self.of(Dataset) if dataset.group is group]
        if datasets or any(solution.group is group for solution in self.of(Solution)):
            raise in_use(f"Resource {group.arn} still has datasets or solutions.")
        self.remove(group)
        return {}

    def create_schema(self, *, name: str, schema: str, domain: str | None = None) -> Answer:
        """Keep an Avro schema; it can be used at once."""
        self.refuse_taken(self.arn(f"schema/{name}"))
        columns = _avro_columns(schema)
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
        if any(dataset.schema is schema for dataset in self.of(Dataset)):
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
        """Begin an empty dataset: one of each type in a group."""
        schema, group = self.find(Schema, schema_arn), self.find(DatasetGroup, dataset_group_arn)
        kind = dataset_type.upper()
        if kind not in _REQUIRED_COLUMNS:
            raise invalid(f"Dataset type {dataset_type} is not one of {_listed(_REQUIRED_COLUMNS)}")
        if missing := [c for c in _REQUIRED_COLUMNS[kind] if c not in schema.columns]:
            raise invalid(f"Schema is missing the required fields for {kind}: {_listed(missing)}")
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
        self.settle(dataset)
        return {"datasetArn": dataset.arn}

    def describe_dataset(self, *, dataset_arn: str) -> Answer:
        """Describe a dataset."""
        return {"dataset": self.find(Dataset, dataset_arn).describe()}

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
        if any(user.status in IN_PROGRESS for user in (*jobs, *trainings)):
            raise in_use(f"Resource {dataset_arn} is being imported into or trained on.")
        self.remove(dataset)
        return {}

    def create_dataset_import_job(
        self,
        *,
        job_name: str,
        dataset_arn: str,
        data_source: dict[str, str],
        role_arn: str | None = None,
        tags: list[dict[str, str]] | None = None,
        import_mode: str = "FULL",
        publish_attribution_metrics_to_s3: bool | None = None,
    ) -> Answer:
        """Begin to import CSV files; the data counts only from the moment the job is ACTIVE."""
        dataset = self.find(Dataset, dataset_arn)
        location = data_source.get("dataLocation", "")
        if not role_arn:
            raise invalid("A role is required to read the data: roleArn must not be null.")
        if not location.startswith("s3://"):
            raise invalid("Invalid Data location.")
        if (
            import_mode == "INCREMENTAL"
            and not dataset.files
            and self.behaviour.incremental_without_bulk == "refused"
        ):
            raise invalid(f"{NO_BULK_DATA} Dataset: {dataset_arn}")
        self.refuse_taken(self.arn(f"dataset-import-job/{job_name}"))
        check_active(dataset)
        jobs = self.of(DatasetImportJob)
        check_quota(jobs, self.behaviour.import_jobs_in_progress, in_progress=True)
        job = self.new(
            DatasetImportJob,
            "dataset-import-job",
            f"dataset-import-job/{job_name}",
            tags,
            name=job_name,
            dataset=dataset,
            data_location=location,
            role_arn=role_arn,
            import_mode=import_mode,
            publish_attribution_metrics=publish_attribution_metrics_to_s3,
        )
        self._run_import(job)
        return {"datasetImportJobArn": job.arn}

    def describe_dataset_import_job(self, *, dataset_import_job_arn: str) -> Answer:
        """Describe an import."""
        job = self.find(DatasetImportJob, dataset_import_job_arn)
        return {"datasetImportJob": job.describe()}

    def list_dataset_import_jobs(
        self,
        *,
        dataset_arn: str | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> Answer:
        """List imports, all or one dataset's."""
        jobs = self.of(DatasetImportJob)
        found = [job.describe() for job in jobs if dataset_arn in (None, job.dataset.arn)]
        return page("datasetImportJobs", found, max_results, next_token)

    def _run_import(self, job: DatasetImportJob) -> None:
        behaviour, now = self.behaviour, clock.current()

        def read() -> None:
            """Read the files while time stands still; how long that takes follows from them."""
            with self.lock:
                self.advance(job, "CREATE IN_PROGRESS")
                earlier = job.dataset.files
            location = Location(job.data_location, job.role_arn, job.arn)
            result = import_dataset(location, self._rules(job), self.scratch / job.name)
            failure = behaviour.take_failure(job.kind) or result.failure
            if job.import_mode == "INCREMENTAL" and not earlier:
                failure = failure or NO_BULK_DATA

            def finish() -> None:
                if failure:
                    self.advance(job, "CREATE FAILED", failure)
                    return
                kept = job.dataset.files if job.import_mode == "INCREMENTAL" else ()
                job.dataset.files = (*kept, *result.files)
                job.dataset.updated = now.time()
                self.advance(job, "ACTIVE")

            end = job.created + behaviour.import_duration(result.size)
            self.after(end - now.time(), finish)

        pending = behaviour.pending(behaviour.import_duration(0))
        now.call_at(now.time() + pending, read)

    def _rules(self, job: DatasetImportJob) -> Rules:
        limits = self.behaviour
        full = job.import_mode == "FULL"
        return Rules(
            columns=job.dataset.schema.columns,
            most_bytes=limits.full_import_bytes if full else limits.incremental_import_bytes,
            least_records=limits.import_minimum_records,
        )


NO_BULK_DATA = "INCREMENTAL imports need bulk data: import with the FULL import mode before."


def _avro_columns(text: str) -> Mapping[str, Any]:
    """Answer the Avro type of each column, or raise InvalidInputException."""
    try:
        schema = json.loads(text)
        if schema["type"] != "record":
            raise invalid('Schema is not valid: its type must be "record".')
        columns = {field["name"]: field["type"] for field in schema["fields"]}
    except (ValueError, TypeError, KeyError) as error:
        raise invalid(f"Schema is not a valid Avro schema: {error!r}") from error
    if not columns:
        raise invalid("Schema is not valid: it has no fields.")
    return columns


def _listed(names: Any) -> str:
    return f"[{', '.join(names)}]"
