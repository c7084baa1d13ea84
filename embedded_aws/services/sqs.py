"""moto's SQS, whose long polls last no longer than the cloud's own time moves."""

from typing import Any

from moto.sqs.models import SQSBackend

from embedded_aws import clock
from embedded_aws.moto_changes import replace

_plain_receive_message = SQSBackend.receive_message


def _receive_message(
    self: Any, queue_name: str, count: int, wait_seconds_timeout: int, *args: Any, **kwargs: Any
) -> Any:
    # Without a pace, time moves only from one planned event to the next: nothing arrives meanwhile.
    waits = 0 if clock.current().pace is None else wait_seconds_timeout
    return _plain_receive_message(self, queue_name, count, waits, *args, **kwargs)


def install() -> None:
    """Let a long poll end at once where time does not pass by itself."""
    replace(
        SQSBackend,
        "a long poll waits for the cloud's own time, which jumps over seconds with no event",
        receive_message=_receive_message,
    )
