"""moto's Glue, with job runs that end on the virtual clock and send the event of their end.

A run executes no script: the caller puts the files in S3 that the script would have written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, cast

from moto.glue import models as glue_models
from moto.glue.models import FakeJobRun, GlueBackend, glue_backends
from moto.moto_api._internal import mock_random
from moto.utilities.paginator import paginate

from embedded_aws.clock import current
from embedded_aws.moto_changes import replace
from embedded_aws.services.events.models import send_service_event

RUN_SECONDS = 600.0
JobRunState = Literal["SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED"]
_SEVERITY = {"SUCCEEDED": "INFO", "FAILED": "ERROR", "TIMEOUT": "WARN", "STOPPED": "INFO"}
_MESSAGE = {
    "SUCCEEDED": "Job run succeeded",
    "FAILED": "Job run failed",
    "TIMEOUT": "Job run timed out",
    "STOPPED": "Job run stopped",
}


@dataclass
class GlueBehaviour:
    """One region's Glue; change its fields at any time."""

    # From StartJobRun to the run's end, in simulated seconds.
    job_run_seconds: float = RUN_SECONDS
    # How the next runs that start will end, first come first served; all others succeed.
    outcomes: list[JobRunState] = field(default_factory=list)
    # How many of the next events get lost: Glue sends them on a best effort basis.
    lost_events: int = 0


class ClockedJobRun(FakeJobRun):
    """A job run with times of the virtual clock, which alone brings it forward."""

    completed_on: datetime | None  # type: ignore[assignment] # moto's runs are completed at once

    def begin(self, when: datetime) -> None:
        """Be RUNNING since a time."""
        self._transitions = []  # moto would take it a step further each time somebody looks
        self.status = "RUNNING"
        self.started_on = self.modified_on = when
        self.completed_on = None

    def end(self, state: JobRunState, when: datetime) -> None:
        """Have ended at a time."""
        self.status = state
        self.completed_on = self.modified_on = when

    def as_dict(self) -> dict[str, Any]:
        """Return it as GetJobRun does; what is None is left out of the response."""
        took = (self.completed_on or current().now()) - self.started_on
        is_failure = self.status in {"FAILED", "TIMEOUT"}
        return {
            **super().as_dict(),
            "ExecutionTime": int(took.total_seconds()),
            "LogGroupName": "/aws-glue/jobs",
            "ErrorMessage": _MESSAGE[str(self.status)] if is_failure else None,
        }


class ClockedGlueBackend(GlueBackend):
    """Runs jobs for as long as `behaviour` says, and sends an event when a run ends."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.behaviour = GlueBehaviour()

    def create_job(self, **settings: Any) -> None:  # type: ignore[override] # by name only
        """Create a job with the clock's dates."""
        super().create_job(**settings)
        job = self.jobs[settings["name"]]
        job.created_on = job.last_modified_on = current().now()

    def start_job_run(self, name: str, *settings: Any) -> str:
        """Start a run, which ends by itself."""
        run_id = super().start_job_run(name, *settings)
        run: Any = self.jobs[name].job_runs[-1]
        run.begin(current().now())
        outcomes = self.behaviour.outcomes
        state = outcomes.pop(0) if outcomes else "SUCCEEDED"

        def end() -> None:
            run.end(state, current().now())
            self.announce(run)

        current().call_at(current().time() + self.behaviour.job_run_seconds, end)
        return run_id

    @paginate(pagination_model=GlueBackend.PAGINATION_MODEL)
    def get_job_runs(self, job_name: str) -> list[FakeJobRun]:
        """Return a job's runs, the newest first."""
        runs = self.get_job(job_name).get_job_runs()
        return sorted(runs, key=lambda run: run.started_on)[::-1]

    def record_run(
        self,
        job: str,
        run_id: str | None = None,
        state: JobRunState = "SUCCEEDED",
        *,
        completed: float | None = None,
        seconds: float = RUN_SECONDS,
    ) -> str:
        """Put a run that has ended in a job's history without any event; return its id.

        `completed` is when it ended, in epoch seconds (now), `seconds` how long it took. Raises
        moto's EntityNotFoundException without such a job.
        """
        return self._record(job, run_id, state, completed, seconds).job_run_id

    def end_run(
        self,
        job: str,
        run_id: str | None = None,
        state: JobRunState = "SUCCEEDED",
        seconds: float = RUN_SECONDS,
    ) -> str:
        """End a run that took `seconds` now, and send its event; return its id.

        Returns when the event's first deliveries have been tried.
        """
        run = self._record(job, run_id, state, None, seconds)
        self.announce(run)
        return run.job_run_id

    def _record(
        self,
        job: str,
        run_id: str | None,
        state: JobRunState,
        completed: float | None,
        seconds: float,
    ) -> ClockedJobRun:
        when = current().time() if completed is None else completed
        run = ClockedJobRun(job_name=job)
        run.job_run_id = run_id or f"jr_{mock_random.get_random_hex(64)}"
        run.begin(datetime.fromtimestamp(when - seconds, UTC))
        run.end(state, datetime.fromtimestamp(when, UTC))
        self.get_job(job).job_runs.append(run)
        return run

    def announce(self, run: FakeJobRun) -> None:
        """Send the event of a run's end, unless it gets lost."""
        if self.behaviour.lost_events:
            self.behaviour.lost_events -= 1
            return
        detail = job_state_change(run.job_name, run.job_run_id, cast("JobRunState", run.status))
        send_service_event(
            self.account_id, self.region_name, "aws.glue", "Glue Job State Change", detail
        )


def job_state_change(job: str, run_id: str, state: JobRunState = "SUCCEEDED") -> Mapping[str, str]:
    """Return the detail of the event that Glue sends when a job run has ended."""
    return {
        "jobName": job,
        "severity": _SEVERITY[state],
        "state": state,
        "jobRunId": run_id,
        "message": _MESSAGE[state],
    }


def glue_backend(account: str, region: str) -> ClockedGlueBackend:
    """Return the backend of an account and region, made at its first use."""
    return cast("ClockedGlueBackend", glue_backends[account][region])


def install() -> None:
    """Let moto serve Glue from here; before the first use of its backend."""
    replace(
        glue_backends, "job runs end on the clock and send their event", backend=ClockedGlueBackend
    )
    replace(glue_models, "a job run's times are the clock's", FakeJobRun=ClockedJobRun)
