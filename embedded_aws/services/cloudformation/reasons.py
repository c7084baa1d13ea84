"""Why a resource failed, as a stack's events say it: the service's words, and its error code."""

import uuid

from botocore.exceptions import ClientError
from moto.cloudformation.exceptions import CloudFormationError, ValidationError

# How CloudFormation names services, as in public reports; others by the name in their types.
_SERVICES = {
    "DynamoDB": "AmazonDynamoDBv2",
    "Events": "AmazonCloudWatchEvents",
    "IAM": "AmazonIdentityManagement",
    "Lambda": "AWSLambdaInternal",
    "Logs": "AWSLogs",
    "S3": "Amazon S3",
    "SNS": "AmazonSNS",
    "SQS": "AmazonSQS",
    "StepFunctions": "AWSStepFunctions",
}


class RefusedByServiceError(ValidationError):
    """What a resource's service would refuse, were it asked; `service_code` is its error."""

    def __init__(self, service_code: str, message: str) -> None:
        super().__init__(message=message)
        self.service_code = service_code


def reason(resource_type: str, error: Exception) -> str:
    """Return what CloudFormation says of an error: its own words, or a service's with the code."""
    code, message, status = _code(error), getattr(error, "message", None) or str(error), 400
    if isinstance(error, ClientError):
        message = error.response["Error"]["Message"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    if code is None:
        return message or type(error).__name__
    name = resource_type.split("::")[1]
    token = uuid.uuid5(uuid.NAMESPACE_URL, f"{resource_type}/{code}/{message}")
    return (
        f"{message} (Service: {_SERVICES.get(name, name)}; Status Code: {status}; Error Code: "
        f"{code}; Request ID: {token}; Proxy: null)"
    )


def _code(error: Exception) -> str | None:
    """Return the error code of a service; moto has two kinds of exceptions."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"]
    if isinstance(error, CloudFormationError):
        return getattr(error, "service_code", None)
    found = getattr(error, "error_type", None) or getattr(error, "code", None)
    return found if isinstance(found, str) else None
