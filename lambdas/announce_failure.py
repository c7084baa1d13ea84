"""Task "Announce failure": what has failed and has no row, such as a run of a Glue job.

Guarantees an event with an id by which a repetition is known, and one message for each event that
EventBridge delivers. EventBridge may deliver one twice, as it says of itself; then so does this.
"""

import os
from typing import Any

from announce_types import AnnounceSettings, Detail
from announcing import Outlets, Unanswered, outlets
from messages import Message, is_wanted, message_of_execution, message_of_glue
from retry_later import retry_later
from without_row import detail_of_execution, detail_of_glue

GLUE = "Glue Job State Change"


def announcement(event: dict[str, Any], settings: AnnounceSettings) -> tuple[Detail, Message]:
    """Return what to send for an event of Glue or of the dispatch workflow."""
    if event["detail-type"] == GLUE:
        run, detail = event["detail"], detail_of_glue(event, settings)
        return detail, message_of_glue(detail, run["jobName"], run["jobRunId"], settings)
    detail = detail_of_execution(event, "dispatch", settings)
    return detail, message_of_execution(detail, settings)


def tell(event: dict[str, Any], detail: Detail, message: Message, to: Outlets) -> None:
    """Send the event, then the message if it is wanted. Raises RetryLater and errors of AWS."""
    with retry_later():
        to.send([detail])
        if is_wanted(detail, to.settings):
            try:
                to.publish(message)
            except Unanswered as error:
                to.put_aside({"event": event}, f"the message may not have been sent: {error}")


def lambda_handler(event: dict[str, Any], _context: object) -> None:
    """Announce the failure in `event`; what raises comes again, and then to the queue."""
    to = outlets(os.environ)
    tell(event, *announcement(event, to.settings), to)
