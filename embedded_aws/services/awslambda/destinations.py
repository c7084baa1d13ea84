"""Where Lambda sends what a function could not process: a queue or a topic, under its role."""

import json
import os
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from embedded_aws.clients import client
from embedded_aws.services import iam


def send_to_destination(
    function: Any, arn: str, message: Any, attributes: dict[str, dict[str, str]] | None = None
) -> None:
    """Send a message under the function's role; lost if the role may not, as on AWS.

    The refusal is in the cloud's calls. `attributes` are the message's, as SQS and SNS have them.
    """
    _, _, service, region, account, name = arn.split(":", 5)
    try:
        role = iam.assume_role_as_service(
            function.role,
            service="lambda.amazonaws.com",
            source_arn=function.function_arn,
            region=region,
        )
    except iam.TrustRefused:
        return
    sent = attributes or {}
    body = message if isinstance(message, str) else json.dumps(message)
    with suppress(ClientError, BotoCoreError):
        if service == "sqs":
            client("sqs", region, role).send_message(
                QueueUrl=f"{os.environ['AWS_ENDPOINT_URL']}/{account}/{name}",
                MessageBody=body,
                MessageAttributes=sent,
            )
        elif service == "sns":
            client("sns", region, role).publish(TopicArn=arn, Message=body, MessageAttributes=sent)
