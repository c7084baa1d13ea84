"""CloudWatch's API: values at the virtual time, alarms that follow them."""

import math
from bisect import bisect_right
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch import models
from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import CloudWatchBackend, cloudwatch_backends
from moto.sqs.models import Queue, sqs_backends

from embedded_aws.clock import current
from embedded_aws.moto_changes import replace
from embedded_aws.services.cloudwatch.alarms import ClockedAlarm, Values

DAY, WEEK, HOUR = 86_400, 604_800, 3_600
_SHORT_PERIODS = {10, 20, 30}
_VISIBLE = ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
Key = tuple[str, str, frozenset[tuple[str, str]]]


class ClockedCloudWatchBackend(CloudWatchBackend):
    """Keeps each metric's values in order, and evaluates the alarms that look at them."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._values: dict[Key, list[tuple[float, float]]] = defaultdict(list)

    def put_metric_data(self, namespace: str, metric_data: list[dict[str, Any]]) -> None:
        """Take values, by default of now, and evaluate the alarms of their metrics."""
        now = current().now()
        timed = [{**d, "Timestamp": _plain(d.get("Timestamp") or now)} for d in metric_data]
        super().put_metric_data(namespace, timed)
        for datum in timed:
            key = _key(namespace, datum["MetricName"], datum.get("Dimensions") or [])
            when = datum["Timestamp"].replace(tzinfo=UTC).timestamp()
            for value in datum.get("Values") or [datum.get("Value", 0)]:
                self._values[key].append((when, float(value)))
            self._values[key].sort()
            for alarm in list(self.alarms.values()):
                if _watched(alarm) == key:
                    self._soon(alarm)

    def put_metric_alarm(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Create or replace an alarm of one metric; metric math and composites are refused."""
        if kwargs.get("metric_data_queries") or kwargs.get("rule"):
            raise ValidationError("Alarms on metric math and composite alarms are not offered here")
        made: Any = super().put_metric_alarm(name, *args, **kwargs)
        try:
            _check(made)
        except ValidationError:
            del self.alarms[name]
            raise
        self._soon(made)
        return made

    def set_alarm_state(
        self, alarm_name: str, reason: str, reason_data: str, state_value: str
    ) -> None:
        """Change an alarm's state by hand, with its actions, until it is evaluated again."""
        alarm: Any = self.alarms.get(alarm_name)
        before = alarm.state_value if alarm else ""
        super().set_alarm_state(alarm_name, reason, reason_data, state_value)
        alarm.state_value = before
        alarm.history.pop()
        alarm.change(state_value, reason, reason_data or "{}")

    def messages_changed(self, queue: str) -> None:
        """Evaluate the alarms on the number of a queue's messages: one was added."""
        key = _key(*_VISIBLE, [{"Name": "QueueName", "Value": queue}])
        for alarm in list(self.alarms.values()):
            if _watched(alarm) == key:
                self._soon(alarm)

    def _soon(self, alarm: Any) -> None:
        current().call_at(current().time(), lambda: self._evaluate(alarm))

    def _evaluate(self, alarm: Any) -> None:
        known: Any = self.alarms.get(alarm.name)
        if known is not alarm:
            return  # deleted or replaced
        values = self._seen(alarm)
        alarm.evaluate(values)
        alarm.plan(values, lambda: self._evaluate(alarm))

    def _seen(self, alarm: Any) -> Values:
        key, since = _watched(alarm), current().time() - alarm.reach
        if key[:2] == _VISIBLE:  # a gauge: SQS measures it again and again while there is something
            ((_, queue),) = key[2]
            found = sqs_backends[self.account_id][self.region_name].queues.get(queue)
            count = len(found.messages) if found else 0
            return [(current().time(), float(count))] if count else []
        values = self._values[key]
        return values[bisect_right(values, (since, math.inf)) :]


def _plain(moment: datetime) -> datetime:
    """Return a time as moto keeps it: in UTC, and without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _key(namespace: str, name: str, dimensions: list[dict[str, str]]) -> Key:
    return namespace, name, frozenset((d["Name"], d["Value"]) for d in dimensions)


def _watched(alarm: Any) -> Key:
    dimensions = frozenset((str(d.name), str(d.value)) for d in alarm.dimensions)
    return alarm.namespace, alarm.metric_name, dimensions


def _check(alarm: Any) -> None:
    """Refuse what CloudWatch refuses.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    """
    period = int(alarm.period)
    reach = period * int(alarm.evaluation_periods)
    if period not in _SHORT_PERIODS and (period < 60 or period % 60):  # noqa: PLR2004
        raise ValidationError("Period must be 10, 20, 30 or a multiple of 60")
    if reach > (WEEK if period >= HOUR else DAY):
        longest = f"{WEEK} for periods of an hour or more, and {DAY} for shorter ones"
        raise ValidationError(
            f"Metrics cannot be checked across more than EvaluationPeriods * Period = {longest}"
        )
    if not math.isfinite(float(alarm.threshold)):
        raise ValidationError("The threshold must be a number")
    if int(alarm.datapoints_to_alarm or 1) > int(alarm.evaluation_periods):
        raise ValidationError("DatapointsToAlarm must not exceed EvaluationPeriods")


_plain_add = Queue.add_message


def _add_message(self: Queue, message: Any) -> None:
    _plain_add(self, message)
    backend: Any = cloudwatch_backends[self.account_id][self.region]
    backend.messages_changed(self.name)


def install() -> None:
    """Make moto serve CloudWatch from here; call this before the first use of its backend."""
    replace(
        cloudwatch_backends,
        "metrics have the virtual time, alarms are evaluated and act",
        backend=ClockedCloudWatchBackend,
    )
    replace(models, "alarms are evaluated, and begin with INSUFFICIENT_DATA", Alarm=ClockedAlarm)
    replace(Queue, "an alarm may look at the number of messages", add_message=_add_message)
