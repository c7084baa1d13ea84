"""moto's EventBridge, with rules that reach state machines and queues as AWS's do.

PutEvents refuses the sources of AWS's own services (`aws.…`) with NotAuthorizedForSourceException,
as AWS does, when a deployed role calls it. The account's root user may send them here, so that
`aws events put-events` with the source aws.glue can stand in for Glue.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from inspect import signature
from typing import Any, cast

from flask import has_request_context, request
from moto.core.exceptions import JsonRESTError
from moto.events import models as events_models
from moto.events.exceptions import InvalidEventPatternException, ValidationException
from moto.events.models import EventsBackend, Rule, events_backends
from moto.events.responses import EventsHandler
from moto.moto_api._internal import mock_random

from embedded_aws.clock import current
from embedded_aws.moto_changes import replace
from embedded_aws.services import iam
from embedded_aws.services.events.behaviour import EventsBehaviour
from embedded_aws.services.events.event_bus import DeployedEventBus
from embedded_aws.services.events.event_delivery import EventDelivery
from embedded_aws.services.events.matching import matches
from embedded_aws.services.events.patterns import InvalidPatternError, check
from embedded_aws.services.events.targets import check_targets, with_numbers
from embedded_aws.services.iam.guard import SESSION
from embedded_aws.services.scheduler.expressions import InvalidExpressionError, parse
from embedded_aws.validation import complaint, service_model

MOST_ENTRIES = 10
MOST_BYTES = 1_048_576  # of all entries of a request, as PutEvents counts them
TIME_BYTES = 14
# AWS's default quotas
MOST_PATTERN = 2_048  # characters, as CloudFormation sends a pattern: without white space
MOST_RULES = 300  # of a bus
MOST_TARGETS = 5  # of a rule
_REQUIRED = ("Source", "DetailType", "Detail")
_RULE_SCHEDULE = re.compile(
    r"cron\((\S+ ){5}\S+\)|rate\((1 (minute|hour|day)|(?!1 )\d+ (minute|hour|day)s)\)"
)
# What an event for TestEventPattern must have.
_ENVELOPE = ("id", "account", "source", "time", "region", "resources", "detail-type")


class DeliveringEventsBackend(EventsBackend):
    """Delivers to state machines and queues; events for other targets are undeliverable."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.behaviour = EventsBehaviour()

    def put_rule(self, name: str, *args: Any, **kwargs: Any) -> Rule:
        """Create or update a rule, within the quotas for its pattern and for the bus's rules."""
        given = signature(super().put_rule).bind(name, *args, **kwargs).arguments
        _check_rule(given)
        bus = self._normalize_event_bus_arn(given.get("event_bus_arn"))
        self._check_role(given.get("role_arn"), bus, name)
        rules = self._get_event_bus(bus).rules
        if len({*rules, name}) > MOST_RULES:
            raise _limit_exceeded()
        return super().put_rule(name, *args, **kwargs)

    def _check_role(self, role: str | None, bus: str, rule: str) -> None:
        """Refuse the role of a rule that EventBridge cannot assume."""
        path = rule if bus == "default" else f"{bus}/{rule}"
        place = f"{self.partition}:events:{self.region_name}:{self.account_id}"
        service = "events.amazonaws.com"
        if role and not iam.trusts(role, service=service, source_arn=f"arn:{place}:rule/{path}"):
            raise ValidationException(
                f"Provided role '{role}' cannot be assumed by principal '{service}'."
            )

    def put_targets(
        self, name: str, event_bus_arn: str | None, targets: list[dict[str, Any]]
    ) -> None:
        """Add or replace targets of a rule that exists, within their quota."""
        targets = [with_numbers(target) for target in targets]
        check_targets(name, targets, self.region_name)
        rule = self._get_event_bus(self._normalize_event_bus_arn(event_bus_arn)).rules.get(name)
        known = {target["Id"] for target in rule.targets} if rule else set()
        if len(known | {target["Id"] for target in targets}) > MOST_TARGETS:
            raise _limit_exceeded()
        super().put_targets(name, event_bus_arn, targets)

    def put_events(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Accept events, each separately, and deliver them to the targets of matching rules."""
        if len(events) > MOST_ENTRIES:
            raise ValidationException(
                "1 validation error detected: Value '[PutEventsRequestEntry]' at 'entries' failed "
                "to satisfy constraint: Member must have length less than or equal to 10"
            )
        if sum(map(_size, events)) > MOST_BYTES:
            raise ValidationException("Total size of the entries in the request is over the limit.")
        return [self._put(entry) for entry in events]

    def send(
        self,
        source: str,
        detail_type: str,
        detail: Mapping[str, Any],
        *,
        resources: Sequence[str] = (),
        time: str | None = None,
        bus: str = "default",
        event_id: str = "",
    ) -> str:
        """Send an event as an AWS service does; return its ID. `time` is ISO text, or now."""
        event = {
            "version": "0",
            "id": event_id or str(mock_random.uuid4()),
            "detail-type": detail_type,
            "source": source,
            "account": self.account_id,
            "time": time or _iso(current().now()),
            "region": self.region_name,
            "resources": list(resources),
            "detail": detail,
        }
        deliveries = [
            EventDelivery(
                event=event,
                target=target,
                rule_arn=rule.arn,
                accepted=current().time(),
                escapes=self.behaviour.values_in_strings == "escaped",
            )
            for rule in self._rules(bus)
            if _matches(rule, event)
            for target in list(rule.targets)
        ]
        # The sender does not wait for the deliveries: they come later, as on AWS.
        for delivery in deliveries:
            current().call_at(current().time(), delivery.attempt)
        return str(event["id"])

    def _rules(self, bus: str) -> list[Rule]:
        """Return a bus's rules; one that does not exist takes every event, and loses it, as on AWS.

        https://github.com/aws/aws-sdk/issues/186
        """
        known = self.event_buses.get(bus)
        return list(known.rules.values()) if known else []

    def _put(self, entry: dict[str, Any]) -> dict[str, Any]:
        for name in _REQUIRED:
            if not entry.get(name):
                message = f"Parameter {name} is not valid. Reason: {name} is a required argument."
                return {"ErrorCode": "InvalidArgument", "ErrorMessage": message}
        try:
            detail = json.loads(entry["Detail"])
        except ValueError:
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        if not isinstance(detail, dict):
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        if entry["Source"].startswith("aws.") and _is_sent_by_role():
            message = f"Not authorized for the source: {entry['Source']}"
            return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": message}
        given = entry.get("Time")
        event_id = self.send(
            entry["Source"],
            entry["DetailType"],
            detail,
            resources=entry.get("Resources", []),
            time=_iso(_moment(given)) if given is not None else None,
            bus=self._normalize_event_bus_arn(entry.get("EventBusName")),
        )
        return {"EventId": event_id}


def send_service_event(
    account: str,
    region: str,
    source: str,
    detail_type: str,
    detail: Mapping[str, Any],
    *,
    resources: Sequence[str] = (),
    time: str | None = None,
    event_id: str = "",
) -> str:
    """Send an event to the default bus as an AWS service does; return its ID.

    For Glue: `source="aws.glue"`, `detail_type="Glue Job State Change"`. `time` is ISO text, by
    default the clock's time; `event_id` a UUID, by default a new one.
    """
    backend: Any = events_backends[account][region]
    sent: str = backend.send(
        source, detail_type, detail, resources=resources, time=time, event_id=event_id
    )
    return sent


def _check_rule(given: Mapping[str, Any]) -> None:
    """Refuse what PutRule refuses; `given` has the arguments of moto's method."""
    shape: Any = service_model("events").operation_model("PutRule").input_shape
    for name in ("name", "description", "state"):
        member = name.capitalize()
        if given.get(name) is not None and (
            problem := complaint(shape.members[member], given[name], at=name)
        ):
            raise ValidationException(problem)
    if pattern := given.get("event_pattern"):
        _check_pattern(given["name"], pattern)
    if expression := given.get("scheduled_expression"):
        _check_expression(expression)


def _check_pattern(rule: str, pattern: str) -> None:
    try:
        check(pattern)
    except InvalidPatternError as error:
        raise InvalidEventPatternException(str(error)) from None
    compact = json.dumps(json.loads(pattern), ensure_ascii=False, separators=(",", ":"))
    if len(compact) > MOST_PATTERN:
        raise ValidationException(
            f"Parameter EventPattern for rule {rule} exceeds limit of {MOST_PATTERN}."
        )


def _check_expression(expression: str) -> None:
    """Refuse what is no expression of a rule.

    Stricter than Scheduler: no at(), a year in a cron(), a unit in the singular for 1 and only 1.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
    """
    try:
        parse(expression, "UTC")
    except InvalidExpressionError:
        is_valid = False
    else:
        is_valid = _RULE_SCHEDULE.fullmatch(expression) is not None
    if not is_valid:
        raise ValidationException("Parameter ScheduleExpression is not valid.")


def _size(entry: Mapping[str, Any]) -> int:
    """Count an entry's bytes.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
    """
    texts = [entry.get(name) or "" for name in _REQUIRED] + list(entry.get("Resources") or [])
    return sum(len(text.encode()) for text in texts) + TIME_BYTES * ("Time" in entry)


class TestingEventsHandler(EventsHandler):
    """moto's responses, with TestEventPattern."""

    __test__ = False  # no test of pytest's

    def test_event_pattern(self) -> str:  # type: ignore[override] # moto's does nothing
        """Return whether a pattern matches an event."""
        pattern, text = self._get_param("EventPattern"), self._get_param("Event")
        try:
            check(pattern)
        except InvalidPatternError as error:
            raise InvalidEventPatternException(str(error)) from None
        try:
            event = json.loads(text)
        except ValueError:
            event = None
        if not isinstance(event, dict) or not all(name in event for name in _ENVELOPE):
            raise ValidationException("Parameter Event is not valid.")
        return json.dumps({"Result": matches(json.loads(pattern), event)})


def _limit_exceeded() -> JsonRESTError:
    message = "The requested resource exceeds the maximum number allowed."
    return JsonRESTError("LimitExceededException", message)


def _matches(rule: Rule, event: Mapping[str, Any]) -> bool:
    # A rule with only a schedule has no pattern, and matches nothing.
    return bool(
        rule.state == "ENABLED"
        and rule.event_pattern.get_pattern()
        and matches(rule.event_pattern.get_pattern(), event)
    )


def _is_sent_by_role() -> bool:
    return has_request_context() and SESSION in request.environ


def _moment(given: Any) -> datetime:
    if isinstance(given, datetime):
        return given.astimezone(UTC)
    if isinstance(given, str):
        return datetime.fromisoformat(given).astimezone(UTC)
    return datetime.fromtimestamp(float(given), UTC)


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def events_backend(account: str, region: str) -> DeliveringEventsBackend:
    """Return the backend of an account and region, made at its first use."""
    return cast("DeliveringEventsBackend", events_backends[account][region])


def install() -> None:
    """Make moto serve EventBridge from here; call this before the first use of its backend."""
    replace(
        events_backends,
        "rules deliver to their targets, with retries and dead-letter queues",
        backend=DeliveringEventsBackend,
    )
    replace(
        events_models,
        "a bus of a template has its settings, and an update keeps it with its rules",
        EventBus=DeployedEventBus,
    )
    replace(
        EventsHandler,
        "TestEventPattern is served",
        test_event_pattern=TestingEventsHandler.test_event_pattern,
    )
