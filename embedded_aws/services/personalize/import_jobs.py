"""Dataset import jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from embedded_aws import clock
from embedded_aws.services.personalize.action_model import EVENT_TYPES
from embedded_aws.services.personalize.avro import RESERVED_COLUMNS
from embedded_aws.services.personalize.bulk_data import INVALID_LOCATION, Location
from embedded_aws.services.personalize.dataset_import import Rules, import_dataset
from embedded_aws.services.personalize.resources import Answer, Dataset, DatasetImportJob
from embedded_aws.services.personalize.store import Store, check_active, check_quota, invalid, page

if TYPE_CHECKING:
    from pathlib import Path

NO_BULK_DATA = "INCREMENTAL imports need bulk data: import with the FULL import mode before."


class ImportJobs(Store):
    """The operations on imports: a method per operation, named as boto3 names it."""

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
        """Start importing CSV files; the data is used only once the job is ACTIVE."""
        dataset = self.find(Dataset, dataset_arn)
        location = data_source.get("dataLocation", "")
        if not role_arn:
            raise invalid("A role is required to read the data: roleArn must not be null.")
        if not location.startswith("s3://"):
            raise invalid(INVALID_LOCATION)
        if (
            import_mode == "INCREMENTAL"
            and not dataset.files
            and self.behaviour.incremental_without_bulk == "refused"
        ):
            raise invalid(NO_BULK_DATA)
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
            """Read the files while time stands still; the job's duration depends on their size."""
            with self.lock:
                self.advance(job, "CREATE IN_PROGRESS")
                earlier = job.dataset.files
            location = Location(job.data_location, job.role_arn, job.arn)
            rules = self._rules(job, earlier)
            result = import_dataset(location, rules, self.scratch / job.name)
            failure = behaviour.take_failure(job.kind) or result.failure
            if job.import_mode == "INCREMENTAL" and not earlier:
                failure = failure or NO_BULK_DATA

            def finish() -> None:
                if failure:
                    self.advance(job, "CREATE FAILED", failure)
                    return
                kept = job.dataset.files if job.import_mode == "INCREMENTAL" else ()
                job.dataset.files = (*kept, *result.files)
                job.dataset.came.update(dict.fromkeys(result.files, now.time()))
                job.dataset.changed = job.dataset.updated = now.time()
                self.advance(job, "ACTIVE")

            end = job.created + behaviour.import_duration(result.size)
            self.after(end - now.time(), finish)

        pending = behaviour.pending(behaviour.import_duration(0))
        now.call_at(now.time() + pending, read)

    def _rules(self, job: DatasetImportJob, earlier: tuple[Path, ...]) -> Rules:
        limits, kind = self.behaviour, job.dataset.dataset_type
        rules = Rules(
            job.dataset.schema.columns,
            limits.full_import_bytes,
            # The minimum is one of interactions: a shop may have few items or users.
            limits.import_minimum_records if kind == "INTERACTIONS" else 1,
            dialect=limits.dialect(),
            in_any_order=limits.columns_in_another_order == "accepted",
        )
        if kind == "INTERACTIONS" and limits.keywords_as_event_types == "failed":
            rules = replace(rules, reserved_event_types=tuple(RESERVED_COLUMNS[kind]))
        if kind == "ACTION_INTERACTIONS" and limits.other_action_events == "failed":
            rules = replace(rules, event_types=EVENT_TYPES)
        if job.import_mode == "FULL":
            return rules
        rules = replace(rules, most_bytes=limits.incremental_import_bytes)
        if kind not in ("INTERACTIONS", "ACTION_INTERACTIONS"):
            return rules
        return replace(
            rules,
            least_records=limits.incremental_minimum_records,
            known=earlier if limits.incremental_records == "new" else (),
        )
