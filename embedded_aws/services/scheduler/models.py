"""moto's EventBridge Scheduler, with schedules that are due on the virtual clock.

They are background alarms: a schedule never keeps the clock from being idle, nor makes it jump.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

from moto.core.exceptions import JsonRESTError
from moto.scheduler.exceptions import ScheduleExists, ValidationException
from moto.scheduler.models import (
    EventBridgeSchedulerBackend,
    Schedule,
    ScheduleGroup,
    scheduler_backends,
)

from embedded_aws.clock import Alarm, current
from embedded_aws.moto_changes import replace
from embedded_aws.services import iam
from embedded_aws.services.scheduler.expressions import InvalidExpressionError, parse
from embedded_aws.services.scheduler.schedule_delivery import ScheduleDelivery, group_arn
from embedded_aws.services.scheduler.targets import target_problem
from embedded_aws.validation import complaint, service_model

LATEST_PAST_START = 300.0


@dataclass
class SchedulerBehaviour:
    """One region's EventBridge Scheduler; change its field at any time."""

    # When a rate schedule without a StartDate is due first. The user guide has it begin at once;
    # the other way is for tests of a schedule's later times.
    rate_begins: Literal["at once", "after a period"] = "at once"


class ScheduleGroupExistsError(JsonRESTError):
    """A second group of the same name."""

    code = 409

    def __init__(self, name: str) -> None:
        super().__init__("ConflictException", f"Schedule group {name} already exists.")


class ClockedSchedule(Schedule):
    """A schedule that has been checked, and its next alarm."""

    alarm: Alarm | None = None

    def __init__(self, **settings: Any) -> None:
        _check(settings)
        super().__init__(**settings)
        self.creation_date = self.last_modified_date = current().time()
        try:
            self.expression = parse(self.schedule_expression, self.schedule_expression_timezone)
        except InvalidExpressionError as error:
            raise ValidationException(str(error)) from None
        if self.start and self.end and self.end <= self.start:
            raise ValidationException("The StartDate you specify must come before the EndDate.")
        trusted = iam.trusts(
            self.target["RoleArn"],
            service=ScheduleDelivery.service,
            source_arn=group_arn(self.arn),
        )
        if not trusted:
            raise ValidationException(
                "The execution role you provide must allow AWS EventBridge Scheduler to assume "
                "the role."
            )

    @property
    def is_recurring(self) -> bool:
        """Whether it is due more than once; only then its start and end count."""
        return not self.schedule_expression.startswith("at(")

    @property
    def start(self) -> float | None:
        """The StartDate in epoch seconds."""
        return float(self.start_date) if self.start_date and self.is_recurring else None

    @property
    def end(self) -> float | None:
        """The EndDate in epoch seconds."""
        return float(self.end_date) if self.end_date and self.is_recurring else None

    def _validate_start_date(self, start_date: str | None) -> str | None:
        # moto's compares with the real time.
        earliest = current().time() - LATEST_PAST_START
        if start_date and self.is_recurring and float(start_date) < earliest:
            raise ValidationException(
                "The StartDate you specify cannot be earlier than 5 minutes ago."
            )
        return start_date


class ClockedSchedulerBackend(EventBridgeSchedulerBackend):
    """Invokes state machines; what other targets would get is undeliverable."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.behaviour = SchedulerBehaviour()

    def create_schedule(self, **settings: Any) -> Schedule:  # type: ignore[override] # by name only
        """Create a schedule, due from now on."""
        group = self.get_schedule_group(settings.pop("group_name"))
        if settings["name"] in group.schedules:
            raise ScheduleExists(settings["name"])
        return self._put(group, settings)

    def update_schedule(self, **settings: Any) -> Schedule:  # type: ignore[override] # by name only
        """Replace every setting, as AWS does, and plan anew."""
        group = self.get_schedule_group(settings.pop("group_name"))
        old: Any = group.get_schedule(settings["name"])
        kept = {"action_after_completion": old.action_after_completion}  # moto does not read it
        new = self._put(group, kept | settings)
        new.creation_date = old.creation_date
        _cancel(old)
        return new

    def delete_schedule(self, group_name: str | None, name: str) -> None:
        """Delete a schedule; it is not due any more."""
        _cancel(self.get_schedule(group_name, name))
        super().delete_schedule(group_name, name)

    def create_schedule_group(self, name: str, tags: list[dict[str, str]]) -> ScheduleGroup:
        """Create a group, whose name no other has."""
        shape: Any = service_model("scheduler").operation_model("CreateScheduleGroup").input_shape
        if problems := complaint(shape, {"Name": name}):
            raise ValidationException(problems)
        if name == "default":
            raise ValidationException(
                "This operation cannot be performed on schedule group default."
            )
        if name in self.schedule_groups:
            raise ScheduleGroupExistsError(name)
        return super().create_schedule_group(name, tags)

    def delete_schedule_group(self, name: str | None) -> None:
        """Delete a group with its schedules."""
        for schedule in self.get_schedule_group(name).schedules.values():
            _cancel(schedule)
        super().delete_schedule_group(name)

    def _put(self, group: ScheduleGroup, settings: dict[str, Any]) -> Schedule:
        schedule = ClockedSchedule(
            region=self.region_name, account_id=self.account_id, group_name=group.name, **settings
        )
        group.add_schedule(schedule)
        if schedule.state == "ENABLED":
            self._plan(schedule, self._times(schedule))
        return schedule

    def _times(self, schedule: ClockedSchedule) -> Iterator[float]:
        now = current().time()
        is_rate = schedule.schedule_expression.startswith("rate(")
        if is_rate and schedule.start is None and self.behaviour.rate_begins == "at once":
            yield now
        yield from schedule.expression.times(now, schedule.start)

    def _plan(self, schedule: ClockedSchedule, times: Iterator[float]) -> None:
        # Of a flexible time window AWS may take any moment; here it is always the first.
        when = next(times, None)
        schedule.alarm = None
        if when is not None and (schedule.end is None or when <= schedule.end):
            schedule.alarm = current().call_at(
                when, lambda: self._invoke(schedule, when, times), background=True
            )

    def _invoke(self, schedule: ClockedSchedule, when: float, times: Iterator[float]) -> None:
        group = self.schedule_groups.get(schedule.group_name)
        if group is None or group.schedules.get(schedule.name) is not schedule:
            return  # replaced or deleted by a request just as its time came
        self._plan(schedule, times)
        if schedule.alarm is None and schedule.action_after_completion == "DELETE":
            group.delete_schedule(schedule.name)
        ScheduleDelivery(target=schedule.target, schedule_arn=schedule.arn, accepted=when).attempt()


def _check(settings: dict[str, Any]) -> None:
    """Refuse what the service's model refuses, and a target that is no ARN."""
    request = {
        "".join(word.capitalize() for word in name.split("_")): value
        for name, value in settings.items()
        if value is not None
    }
    shape: Any = service_model("scheduler").operation_model("CreateSchedule").input_shape
    problems = complaint(shape, {name: request[name] for name in shape.members if name in request})
    if problems:
        raise ValidationException(problems)
    window = settings["flexible_time_window"]
    is_flexible = window["Mode"] == "FLEXIBLE"
    if is_flexible is not ("MaximumWindowInMinutes" in window):
        raise ValidationException(
            f"MaximumWindowInMinutes must {'' if is_flexible else 'not '}be provided when "
            f"FlexibleTimeWindowMode is set to {window['Mode']}."
        )
    if problem := target_problem(settings["target"], settings["region"]):
        raise ValidationException(problem)


def _cancel(schedule: Any) -> None:
    if schedule.alarm:
        schedule.alarm.cancel()


def scheduler_backend(account: str, region: str) -> ClockedSchedulerBackend:
    """Return the backend of an account and region, made at its first use."""
    return cast("ClockedSchedulerBackend", scheduler_backends[account][region])


def install() -> None:
    """Let moto serve EventBridge Scheduler from here; before the first use of its backend."""
    replace(scheduler_backends, "schedules fire on the clock", backend=ClockedSchedulerBackend)
