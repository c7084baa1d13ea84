"""Metric alarms: evaluated when a value arrives or leaves their range, and never in between.

An alarm's state follows from the values of its evaluation range, in periods that end now. So
it can change only when a value arrives, or when time has moved one on to another period: these are
the moments at which it is evaluated, as background calls of the clock.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
"""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import botocore.loaders
from moto.cloudwatch.models import Alarm

from embedded_aws import clock as clocks
from embedded_aws.clock import current
from embedded_aws.services.events.models import send_service_event
from embedded_aws.services.sns import publish_as_service

SERVICE = "cloudwatch.amazonaws.com"
# CloudWatch looks at more periods than EvaluationPeriods, so that data that comes a little late is
# not missing. "The exact number depends" on the alarm; its examples have two more.
MORE_PERIODS = 2
_ROUNDING = 1e-5  # seconds: sums of epoch seconds are not exact
Values = Sequence[tuple[float, float]]  # (epoch seconds, value), in the order of time
_STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "Sum": sum,
    "Maximum": max,
    "Minimum": min,
    "SampleCount": lambda values: float(len(values)),
    "Average": lambda values: sum(values) / len(values),
}
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}
_WORDS = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to the threshold",
    "GreaterThanThreshold": "greater than the threshold",
    "LessThanThreshold": "less than the threshold",
    "LessThanOrEqualToThreshold": "less than or equal to the threshold",
}


class ClockedAlarm(Alarm):
    """An alarm of one metric, and when it is evaluated next."""

    def __init__(self, account_id: str, region_name: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(account_id, region_name, *args, **kwargs)
        self.account_id = account_id
        self.alarm_name = self.name  # as the response's serializer looks for it
        self.state_value = "INSUFFICIENT_DATA"
        self.configuration_updated_timestamp = current().now()
        self.state_updated_timestamp = current().now()
        self.state_transitioned_timestamp = current().now()
        self._next: clocks.Alarm | None = None

    @property
    def reach(self) -> float:
        """How many seconds back a value counts: CloudWatch's evaluation range."""
        return float(self.period) * (int(self.evaluation_periods) + MORE_PERIODS)

    def evaluate(self, values: Values) -> None:
        """Set the state that the values of the last `reach` seconds give, and plan the next time.

        `values` are read anew when that time has come: see `plan`.
        """
        periods = self._periods(values)
        state = self._state(periods)
        if state is not None and state != self.state_value:
            self.change(state, self._reason(periods), "{}")

    def plan(self, values: Values, again: Callable[[], None]) -> None:
        """Evaluate again as soon as one of the values counts for another period, or no more."""
        now, period = current().time(), float(self.period)
        due = [
            when + period * (1 + (now - when + _ROUNDING) // period)
            for when, _ in values
            if now - when + _ROUNDING < self.reach
        ]
        if self._next:
            self._next.cancel()
        self._next = current().call_at(min(due), again, background=True) if due else None

    def change(self, state: str, reason: str, reason_data: str) -> None:
        """Change the state, keep the history, tell EventBridge, and carry out the actions."""
        before = self.state_value
        self.update_state(reason, reason_data, state)
        self.state_updated_timestamp = current().now()
        if before == state:
            return
        self.state_transitioned_timestamp = current().now()
        send_service_event(
            self.account_id,
            self.region_name,
            "aws.cloudwatch",
            "CloudWatch Alarm State Change",
            {
                "alarmName": self.name,
                "state": {"value": state, "reason": reason, "timestamp": _iso()},
                "previousState": {"value": before},
                "configuration": {"description": self.description},
            },
            resources=[self.alarm_arn],
        )
        if self.actions_enabled:
            self._act(state, before, reason)

    def _act(self, state: str, before: str, reason: str) -> None:
        actions = {
            "ALARM": self.alarm_actions,
            "OK": self.ok_actions,
            "INSUFFICIENT_DATA": self.insufficient_data_actions,
        }[state]
        for arn in actions or []:
            if arn.split(":")[2] != "sns":
                continue
            publish_as_service(
                SERVICE,
                arn,
                source=self.alarm_arn,
                subject=f'{state}: "{self.name}" in {_region_in_words(self.region_name)}'[:100],
                body=json.dumps(self._message(state, before, reason), ensure_ascii=False),
            )

    def _message(self, state: str, before: str, reason: str) -> dict[str, Any]:
        return {
            "AlarmName": self.name,
            "AlarmDescription": self.description,
            "AWSAccountId": self.account_id,
            "AlarmConfigurationUpdatedTimestamp": _iso(self.configuration_updated_timestamp),
            "NewStateValue": state,
            "NewStateReason": reason,
            "StateChangeTime": _iso(),
            "Region": _region_in_words(self.region_name),
            "AlarmArn": self.alarm_arn,
            "OldStateValue": before,
            "OKActions": self.ok_actions,
            "AlarmActions": self.alarm_actions or [],
            "InsufficientDataActions": self.insufficient_data_actions,
            "Trigger": {
                "MetricName": self.metric_name,
                "Namespace": self.namespace,
                "StatisticType": "Statistic",
                "Statistic": str(self.statistic).upper(),
                "Unit": self.unit,
                "Dimensions": [{"value": d.value, "name": d.name} for d in self.dimensions],
                "Period": int(self.period),
                "EvaluationPeriods": int(self.evaluation_periods),
                "ComparisonOperator": self.comparison_operator,
                "Threshold": float(self.threshold),
                "TreatMissingData": self.treat_missing_data or "missing",
                "EvaluateLowSampleCountPercentile": "",
            },
        }

    def _periods(self, values: Values) -> list[float | None]:
        """Return the statistic of as many periods as are evaluated; None where data is missing.

        If the range has data of enough periods, the newest of these count, and none is missing.
        """
        now, period = current().time(), float(self.period)
        wanted = int(self.evaluation_periods)
        found: list[list[float]] = [[] for _ in range(wanted + MORE_PERIODS)]
        for when, value in values:
            index = int((now - when + _ROUNDING) // period)
            if 0 <= index < len(found):
                found[index].append(value)
        statistic = _STATISTICS[self.statistic]
        present = [statistic(each) for each in found if each][:wanted]
        return [*present, *[None] * (wanted - len(present))]

    def _state(self, periods: list[float | None]) -> str | None:
        """Return the state that the periods give; None to keep the one it has."""
        missing = self.treat_missing_data or "missing"
        compare, threshold = _COMPARISONS[self.comparison_operator], float(self.threshold)
        bad = sum(value is not None and compare(value, threshold) for value in periods)
        good = sum(value is not None for value in periods) - bad
        absent = len(periods) - bad - good
        needed = int(self.datapoints_to_alarm or self.evaluation_periods)
        if absent == len(periods):
            of_nothing = {"breaching": "ALARM", "notBreaching": "OK", "ignore": None}
            return of_nothing.get(missing, "INSUFFICIENT_DATA")
        if missing == "breaching":
            bad += absent
        if bad >= needed:
            return "ALARM"
        if missing in {"missing", "ignore"} and not good:  # all there is, is bad
            return "ALARM" if missing == "missing" else None
        return "OK"

    def _reason(self, periods: list[float | None]) -> str:
        seen = [str(value) for value in periods if value is not None]
        if not seen:
            missing = self.treat_missing_data or "missing"
            treated = "" if missing in {"missing", "ignore"} else f" and {missing}"
            return f"No datapoints were received for {len(periods)} period(s){treated}"
        return (
            f"Threshold Crossed: {len(seen)} datapoint(s) [{', '.join(seen)}] looked at for "
            f"{_WORDS[self.comparison_operator]} ({float(self.threshold)})."
        )


@lru_cache(maxsize=1)
def _regions() -> dict[str, str]:
    endpoints = botocore.loaders.Loader().load_data("endpoints")
    return {
        name: region["description"]
        for partition in endpoints["partitions"]
        for name, region in partition["regions"].items()
    }


def _region_in_words(region: str) -> str:
    return _regions().get(region, region)


def _iso(moment: datetime | None = None) -> str:
    moment = moment or datetime.fromtimestamp(current().time(), UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
