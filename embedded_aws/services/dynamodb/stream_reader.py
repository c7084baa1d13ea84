"""Reading a DynamoDB stream under a function's role, as Lambda does: GetRecords over the API.

So the role's policies decide, and faults strike these calls like any other of a deployed role.
"""

from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from embedded_aws.clients import Credentials, client
from embedded_aws.services import iam


class Unreadable(Exception):
    """A stream that could not be read now; the text is what Lambda says of it."""

    def __init__(self, message: str, *, is_refused: bool) -> None:
        super().__init__(message)
        self.is_refused = is_refused


@dataclass
class StreamReader:
    """One reader of a stream's only shard, who goes on where the last answer ended."""

    stream_arn: str
    next_number: int  # the sequence number from which on nothing was read
    _iterator: str | None = field(default=None, repr=False)
    _role: tuple[str, Credentials] | None = field(default=None, repr=False)

    def read(self, role_arn: str, function_arn: str, shard_id: str) -> list[dict[str, Any]]:
        """Return the next records; raise Unreadable if the role may not, or the call fails."""
        iterator, self._iterator = self._iterator, None  # after a failure, a new one
        try:
            streams = client(
                "dynamodbstreams",
                self.stream_arn.split(":")[3],
                self._credentials(role_arn, function_arn),
            )
            iterator = (
                iterator
                or streams.get_shard_iterator(
                    StreamArn=self.stream_arn,
                    ShardId=shard_id,
                    ShardIteratorType="AT_SEQUENCE_NUMBER",
                    SequenceNumber=str(self.next_number),
                )["ShardIterator"]
            )
            answer = streams.get_records(ShardIterator=iterator)
        except iam.TrustRefused as refused:
            raise self._refused() from refused
        except ClientError as error:
            if error.response["Error"]["Code"] == "AccessDeniedException":
                raise self._refused() from error
            raise _failed() from error
        except BotoCoreError as error:  # the connection broke
            raise _failed() from error
        found: list[dict[str, Any]] = answer["Records"]
        if found:
            self.next_number = int(found[-1]["dynamodb"]["SequenceNumber"]) + 1
        self._iterator = answer.get("NextShardIterator")
        return found

    def _credentials(self, role_arn: str, function_arn: str) -> Credentials:
        if self._role is None or self._role[0] != role_arn:
            credentials = iam.assume_role_as_service(
                role_arn,
                service="lambda.amazonaws.com",
                source_arn=function_arn,
                region=self.stream_arn.split(":")[3],
            )
            self._role = (role_arn, credentials)
        return self._role[1]

    def _refused(self) -> Unreadable:
        return Unreadable(f"PROBLEM: {cannot_access(self.stream_arn)}", is_refused=True)


def _failed() -> Unreadable:
    message = "PROBLEM: internal Lambda error. Please contact Lambda customer support."
    return Unreadable(message, is_refused=False)


def cannot_access(stream_arn: str) -> str:
    """Return what Lambda says if a function's role may not read a stream."""
    return (
        f"Cannot access stream {stream_arn}. Please ensure the role can perform the GetRecords, "
        "GetShardIterator, DescribeStream, and ListStreams Actions on your stream in DynamoDB."
    )
