"""A made-up history for the tests of planning."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from history import Deployment, Row, Success

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class MadeUpHistory:
    """Rows (newest first) of every campaign, and statuses by the end of the execution ARN."""

    past: list[Row] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)
    success: Success | None = None
    deployed: Deployment = field(
        default_factory=lambda: Deployment(created=LONG_AGO, updated=LONG_AGO)
    )

    def execution_arn(self, name: str) -> str:
        return f"arn:executions:{name}"

    def rows(self, campaign_name: str, since: int) -> list[Row]:  # noqa: ARG002
        return [row for row in self.past if row["base_date"] >= since]

    def status(self, execution_arn: str) -> str | None:
        return self.statuses.get(execution_arn.rsplit(":", 1)[-1])

    def last_success(self, job: str) -> Success | None:  # noqa: ARG002
        return self.success

    def deployment(self) -> Deployment:
        return self.deployed


def row(
    status: str,
    *,
    key: str,
    base_date: int = 20200928,
    attempt: int = 1,
    kind: str = "",
    died: str = "",
) -> Row:
    name = f"brandi-hrnn-campaign-v2-{base_date}-{key}{'' if attempt == 1 else f'-{attempt}'}"
    noon = datetime.strptime(f"{base_date} 12+0900", "%Y%m%d %H%z")
    return {
        "base_date": base_date,
        "run_key": key,
        "attempt": attempt,
        "status": status,
        "triggered": int(noon.timestamp()) - 7200,  # when Glue's event comes
        "execution_arn": f"arn:execution:{name}",
        "failure_kind": kind,
        "execution_status": died,
        "promotion": None,
    }
