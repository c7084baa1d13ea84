"""The types of the settings' fields, and what all settings have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from stacks import rules

LOG_RETENTION_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
)  # fmt: skip


def _retention_that_cloudwatch_knows(days: int) -> int:
    """Accept a number of days for which CloudWatch Logs can keep a log."""
    if days not in LOG_RETENTION_DAYS:
        raise ValueError(
            f"CloudWatch Logs keeps logs for {', '.join(map(str, LOG_RETENTION_DAYS))} days; "
            f"choose one of these instead of {days}"
        )
    return days


def _own_tag_key(key: str) -> str:
    if key.lower().startswith("aws:"):
        raise ValueError(f"{key!r} begins with aws:, which is AWS's own; choose another key")
    return key


KeyArn = Annotated[
    str,
    Field(
        pattern=r"^arn:aws(-[a-z]+)*:kms:[a-z0-9\-]+:\d{12}:key/[a-zA-Z0-9\-]+$",
        description="arn:<partition>:kms:<region>:<account>:key/<id>, not an alias.",
    ),
]
RetentionDays = Annotated[int, AfterValidator(_retention_that_cloudwatch_knows)]
TagText = Annotated[str, Field(max_length=256, pattern=r"^[\w \t.:/=+@\-]*$")]
TagKey = Annotated[
    str,
    Field(min_length=1, max_length=128, pattern=r"^[\w \t.:/=+@\-]+$"),
    AfterValidator(_own_tag_key),
]
PersonalizeName = Annotated[
    str, Field(min_length=1, max_length=63, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9\-_]*$")
]
BucketName = Annotated[
    str,
    Field(json_schema_extra={"pattern": r"^[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]$"}),
    AfterValidator(rules.bucket),
]
RoleArn = Annotated[str, Field(max_length=256), AfterValidator(rules.role_arn)]
GlueJob = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(rules.glue_job)]
Location = Annotated[
    str,
    Field(max_length=256, pattern=r"^s3://[a-z0-9.\-]+/(.+/|.+\.csv)?$"),
    AfterValidator(rules.location),
]
Schedule = Annotated[
    str,
    Field(
        max_length=256,
        pattern=r"^(rate\((1 (minute|hour|day)|[1-9][0-9]* (minutes|hours|days))\)"
        r"|cron\(\S+( \S+){5}\))$",
    ),
    AfterValidator(rules.schedule),
]
Units = Annotated[int, Field(ge=1, le=40_000)]  # DynamoDB's quota for a table


class Strict(BaseModel):
    """Unknown keys are errors, nothing is converted, nothing changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, serialize_by_alias=True)
