"""The history of one execution: on the clock, closed by its last event, limited as on AWS."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.eval.event.event_manager import (
    EventHistoryContext,
    EventManager,
)

from embedded_aws import clock
from embedded_aws.services.stepfunctions import definitions

MAX_EVENTS: Final = 25_000
_LAST: Final = frozenset(
    {
        HistoryEventType.ExecutionAborted,
        HistoryEventType.ExecutionFailed,
        HistoryEventType.ExecutionSucceeded,
        HistoryEventType.ExecutionTimedOut,
    }
)

EventDetails = dict[str, Any]  # {"taskFailedEventDetails": {"error": …}}: at most one entry


class History(EventManager):
    """Records events up to the one that ends the execution; later events are ignored.

    `closed` is called once, with that event's type and details. A call that is still in progress
    when its execution or its branch ends adds no event, as on AWS.
    """

    def __init__(
        self, definition: str, closed: Callable[[HistoryEventType, EventDetails], None]
    ) -> None:
        super().__init__()
        self._fields = definitions.fields(definition)
        self._closed = closed
        self._recording = threading.RLock()
        self._is_closed = False
        self._entered: dict[str, int] = {}
        self._evaluation_failures: list[object] = []
        self._left_out: list[object] = []

    def field(self, state: str, expression: str) -> str:
        """Return the path of the field of `state` that contains `expression`."""
        return self._fields.get(state, {}).get(expression.strip(), "")

    def leave_out(self, details: dict[str, str]) -> None:
        """Do not add these details of a failure when the state that failed reports them.

        They are added when the program reports them, as the reason why the execution failed.
        """
        self._left_out.append(details)

    def entered(self, state: str) -> int:
        """Return the ID of the event with which `state` was last entered."""
        return self._entered.get(state, 0)

    def reopen(self) -> None:
        """Let events be added to the history of an execution that is redriven."""
        self._is_closed = False

    def events(self) -> list[dict[str, Any]]:
        """Return the events so far; `timestamp` is ISO text, and details must not be changed."""
        with self._recording:
            return [dict(event) for event in self._history_event_list]

    def add_event(  # type: ignore[override]  # moto's types leave out what it passes
        self,
        context: EventHistoryContext,
        event_type: HistoryEventType,
        event_details: EventDetails | None = None,
        timestamp: datetime | None = None,
        update_source_event_id: bool = True,
    ) -> int:
        """Add an event as moto does, unless its scope has ended, and return its ID."""
        with self._recording:
            details = event_details or {}
            if vars(context).pop("is_continued", False) and "stateEnteredEventDetails" in details:
                return context.last_published_event_id  # the state was entered before a redrive
            if (
                self._is_closed
                or _is_stopped(context, event_type)
                or self._is_repeated(details)
                or any(part is known for part in details.values() for known in self._left_out)
            ):
                return context.last_published_event_id
            is_last_place = len(self._history_event_list) == MAX_EVENTS - 1
            if is_last_place and event_type is not HistoryEventType.ExecutionSucceeded:
                event_type, details = HistoryEventType.ExecutionFailed, _FULL
            self._is_closed = event_type in _LAST
            event_id = super().add_event(
                context,
                event_type,
                details or None,  # type: ignore[arg-type]  # as above
                timestamp,  # type: ignore[arg-type]  # as above
                update_source_event_id,
            )
            if entry := details.get("stateEnteredEventDetails"):
                self._entered[entry["name"]] = event_id
            if self._is_closed:
                self._closed(event_type, details)
            return event_id

    def _is_repeated(self, details: EventDetails) -> bool:
        """Return whether this failed evaluation is known; moto adds it again when it handles it."""
        failed = details.get("evaluationFailedEventDetails")
        if failed is None or any(failed is known for known in self._evaluation_failures):
            return failed is not None
        self._evaluation_failures.append(failed)
        return False

    @staticmethod
    def _get_current_timestamp() -> datetime:
        return clock.current().now()


def _is_stopped(context: EventHistoryContext, event_type: HistoryEventType) -> bool:
    stopped = getattr(context, "is_stopped", False)
    return stopped and event_type is not HistoryEventType.MapIterationAborted


# AWS: "When an execution reaches 24,999 events, it waits for the next event to happen. … If the
# event number 25,000 isn't ExecutionSucceeded, the ExecutionFailed event is logged".
_FULL: Final[EventDetails] = {
    "executionFailedEventDetails": {
        "error": "States.Runtime",
        "cause": f"The execution reached the maximum number of history events ({MAX_EVENTS}).",
    }
}
