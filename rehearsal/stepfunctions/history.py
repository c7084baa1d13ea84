"""The history of one execution: on the clock, closed by its last event, bounded as on AWS."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final

from moto.stepfunctions.parser.api import ExecutionFailedEventDetails, HistoryEventType
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import (
    EventHistoryContext,
    EventManager,
)

from rehearsal import clock
from rehearsal.stepfunctions import definitions

MAX_EVENTS: Final = 25_000
_LAST: Final = frozenset(
    {
        HistoryEventType.ExecutionAborted,
        HistoryEventType.ExecutionFailed,
        HistoryEventType.ExecutionSucceeded,
        HistoryEventType.ExecutionTimedOut,
    }
)


class History(EventManager):
    """Takes events until the one that ends the execution; what comes later never happened.

    `closed` is called once, with that event's type and details. A call that is still under way
    when its execution ends (StopExecution, a time limit) leaves no trace, as on AWS.
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

    def field(self, state: str, expression: str) -> str:
        """Return the path of the field of `state` that holds `expression`."""
        return self._fields.get(state, {}).get(expression.strip(), "")

    def entered(self, state: str) -> int:
        """Return the id of the event with which `state` was last entered."""
        return self._entered.get(state, 0)

    def add_event(
        self,
        context: EventHistoryContext,
        event_type: HistoryEventType,
        event_details: EventDetails | None = None,
        timestamp: datetime | None = None,
        update_source_event_id: bool = True,
    ) -> int:
        """Add an event as moto does, unless the execution is over."""
        with self._recording:
            if self._is_closed or self._is_repeated(event_details):
                return context.last_published_event_id
            is_last_place = len(self._history_event_list) == MAX_EVENTS - 1
            if is_last_place and event_type is not HistoryEventType.ExecutionSucceeded:
                event_type = HistoryEventType.ExecutionFailed
                event_details = {
                    "executionFailedEventDetails": ExecutionFailedEventDetails(
                        error="States.Runtime",
                        cause="The execution reached the maximum number of history events "
                        f"({MAX_EVENTS}).",
                    )
                }
            self._is_closed = event_type in _LAST
            event_id: int = super().add_event(
                context, event_type, event_details, timestamp, update_source_event_id
            )
            details = event_details or {}
            if entry := details.get("stateEnteredEventDetails"):
                self._entered[entry["name"]] = event_id
            if self._is_closed:
                self._closed(event_type, details)
            return event_id

    def _is_repeated(self, details: EventDetails | None) -> bool:
        """Tell whether this failed evaluation is recorded: moto adds it again where it is handled."""
        failed = (details or {}).get("evaluationFailedEventDetails")
        if failed is None or any(failed is known for known in self._evaluation_failures):
            return failed is not None
        self._evaluation_failures.append(failed)
        return False

    @staticmethod
    def _get_current_timestamp() -> datetime:
        return clock.current().now()
