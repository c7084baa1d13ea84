"""The item of the table that keeps the queue of one of Personalize's quotas (see quota_queue.py).

Its times are epoch seconds, and 0 is what has not happened yet.
"""

from typing import Any, TypedDict

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from retry_later import NEVER_TWICE

UNKNOWN = -1
Changes = dict[str, int | list[int]]
dynamodb = boto3.resource("dynamodb", config=NEVER_TWICE)


class Line(TypedDict):
    """The item as it was read."""

    taken: int  # the last number
    served: int
    open_to: int  # the last number for which there seemed to be room
    running: set[str]  # the ARNs of what was created and may still go on
    fits: int  # how much of that goes on when the quota is full, or UNKNOWN
    opened_at: int  # since when anyone waits
    asked_at: int  # when Personalize was last asked and had no room
    looks_at: int  # when the first in the line looks at what goes on
    # what the first has seen at its last look:
    seen: int  # the last number served by then
    frees_at: list[int]  # when the slots should be free
    lasts: int  # seconds that the shortest took


class QueueItem:
    """The item of one quota, which any number of executions read and change at once."""

    def __init__(self, table: str, quota: str) -> None:
        self._table = dynamodb.Table(table)
        self._key: dict[str, str | int] = {"campaign_name": f"quota:{quota}", "base_date": 0}

    def read(self) -> Line | None:
        """Return the item; None if there is none, or it cannot be read now."""
        try:
            found = self._table.get_item(Key=self._key)
        except (ClientError, BotoCoreError):
            return None
        return _line(found["Item"]) if "Item" in found else None

    def take_number(self) -> Line:
        """Take the next number, which is `taken` of the returned item; DynamoDB's errors leave."""
        return self._update("ADD taken :one", {":one": 1})

    def change(
        self,
        attributes: Changes,
        *,
        created: set[str] | None = None,
        ended: set[str] | None = None,
    ) -> bool:
        """Set attributes, add to `running` what was created and remove what has ended.

        `served` is never lowered. Returns False if that was tried, or DynamoDB cannot do it: the
        queue goes on without what would have been noted.
        """
        parts = []
        if attributes:
            parts.append("SET " + ", ".join(f"{name} = :{name}" for name in attributes))
        values: dict[str, Any] = {f":{name}": value for name, value in attributes.items()}
        for verb, arns in (("ADD", created), ("DELETE", ended)):
            if arns:
                parts.append(f"{verb} running :arns")
                values[":arns"] = arns
        condition = "attribute_not_exists(served) OR served < :served"
        conditions = {"ConditionExpression": condition} if "served" in attributes else {}
        try:
            self._update(" ".join(parts), values, **conditions)
        except self._table.meta.client.exceptions.ConditionalCheckFailedException:
            return False
        except (ClientError, BotoCoreError) as error:
            print(f"The queue goes on without a change of {', '.join(attributes)}: {error}")
            return False
        return True

    def _update(self, expression: str, values: dict[str, Any], **conditions: Any) -> Line:
        updated = self._table.update_item(
            Key=self._key,
            UpdateExpression=expression,
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
            **conditions,
        )
        return _line(updated["Attributes"])


def _line(item: dict[str, Any]) -> Line:
    def number(name: str, default: int = 0) -> int:
        return int(item.get(name, default))

    return {
        "taken": number("taken"),
        "served": number("served"),
        "open_to": number("open_to"),
        "running": set(item.get("running", ())),
        "fits": number("fits", UNKNOWN),
        "opened_at": number("opened_at"),
        "asked_at": number("asked_at"),
        "looks_at": number("looks_at"),
        "seen": number("seen"),
        "frees_at": [int(at) for at in item.get("frees_at", ())],
        "lasts": number("lasts"),
    }
