"""Service integrations: what goes to the service, what comes back, and how its errors are named."""

import json
from email.utils import format_datetime
from functools import lru_cache, partial
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from jsonpath_ng.parser import parse
from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.common.path import result_path
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.credentials import (
    StateCredentials,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import (
    ResourceRuntimePart,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (  # noqa: E501
    StateTaskService,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk import (  # noqa: E501
    StateTaskServiceAwsSdk,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_dynamodb import (  # noqa: E501
    StateTaskServiceDynamoDB,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_lambda import (  # noqa: E501
    StateTaskServiceLambda,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (  # noqa: E501
    StateTaskServiceSfn,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task import StateTask
from moto.stepfunctions.parser.asl.utils import encoding
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.quotas import is_within_size_quota

from embedded_aws import clock
from embedded_aws.moto_changes import replace
from embedded_aws.services.stepfunctions.clients import client_for
from embedded_aws.services.stepfunctions.errors import DATA_LIMIT_EXCEEDED, failure
from embedded_aws.services.stepfunctions.naming import (
    boto_name,
    error_prefix,
    from_response,
    modelled_errors,
    operation,
    to_request,
)


def _metadata(response: dict[str, Any]) -> dict[str, Any]:
    """Return what an optimised integration reports about the call itself."""
    http = response["ResponseMetadata"]
    headers = {
        name: text
        for name, text in sorted(http.get("HTTPHeaders", {}).items())
        if name not in ("connection", "server", "date")  # this server's, not AWS's
    }
    headers["Date"] = format_datetime(clock.current().now(), usegmt=True)
    return {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [text] for name, text in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": http["HTTPStatusCode"],
        },
        "SdkResponseMetadata": {"RequestId": http.get("RequestId", "")},
    }


# What replaces the methods of moto's tasks.


def _eval_parameters(self: StateTask, env: Any) -> dict[str, Any]:
    """AWS refuses parameters that it does not know; moto ignores them silently."""
    if self.parargs is None:
        return {}
    self.parargs.eval(env=env)
    parameters: dict[str, Any] = env.stack.pop()
    supported = self._get_supported_parameters()
    for name in parameters:
        if supported and name not in supported:
            raise _refused(parameters, f'The field "{name}" is not supported by Step Functions')
    if not is_within_size_quota(parameters):
        raise failure(
            env,
            DATA_LIMIT_EXCEEDED,
            f"The state/task '{self.name}' provided parameters with a size exceeding the maximum "
            "number of bytes service limit.",
        )
    return parameters


def _refused(parameters: dict[str, Any], problem: str) -> ValueError:
    text = to_json_str(parameters, separators=(",", ":"))
    return ValueError(f"The Parameters '{text}' could not be used to start the Task: [{problem}]")


def _service_name(self: StateTaskService, boto_service_name: str | None = None) -> str:
    return boto_name(boto_service_name or self.resource.api_name)


def _normalise_parameters(
    self: StateTaskService,
    parameters: dict[str, Any],
    boto_service_name: str | None = None,
    service_action_name: str | None = None,
) -> None:
    service = self._get_boto_service_name(boto_service_name)
    shape = operation(service, self._get_boto_service_action(service_action_name)).input_shape
    try:
        request = to_request(shape, parameters)
    except ValueError as problem:
        raise _refused(parameters, str(problem)) from problem
    parameters.clear()
    parameters.update(request)


def _normalise_response(
    self: StateTaskService,
    response: Any,
    boto_service_name: str | None = None,
    service_action_name: str | None = None,
) -> None:
    service = self._get_boto_service_name(boto_service_name)
    shape = operation(service, self._get_boto_service_action(service_action_name)).output_shape
    answer = from_response(shape, response)
    if isinstance(response, dict):
        response.clear()
        response.update(answer)


def _failed(self: StateTaskService, env: Any, error: str, cause: str) -> FailureEvent:
    details: Any = {
        "taskFailedEventDetails": {
            "error": error,
            "cause": cause,
            "resource": self._get_sfn_resource(),
            "resourceType": self._get_sfn_resource_type(),
        }
    }
    return FailureEvent(
        env,
        ErrorName(error),
        HistoryEventType.TaskFailed,
        details,
    )


def _unanswered(error: BotoCoreError) -> str:
    return f"Unable to execute HTTP request: {error}"


def _sdk_error(self: StateTaskServiceAwsSdk, env: Any, ex: Exception) -> FailureEvent:
    if isinstance(ex, BotoCoreError):  # the connection broke, or no response came
        prefix = error_prefix(self.resource.api_name)
        return _failed(self, env, f"{prefix}.SdkClientException", _unanswered(ex))
    return _moto_sdk_error(self, env, ex)


def _optimised_error(self: Any, env: Any, ex: Exception, owner: Any) -> FailureEvent:
    """Name an error as optimised integrations do: one that no model knows has a general name."""
    prefix, general = _OPTIMISED[owner]
    if isinstance(ex, BotoCoreError):
        return _failed(self, env, f"{prefix}.SdkClientException", _unanswered(ex))
    if isinstance(ex, ClientError):
        code = ex.response["Error"]["Code"]
        name = code if code in modelled_errors(prefix.lower()) else general
        _, cause = self._error_cause_from_client_error(ex)
        return _failed(self, env, f"{prefix}.{name}", cause)
    event: FailureEvent = super(owner, self)._from_error(env=env, ex=ex)
    return event


_OPTIMISED: dict[type, tuple[str, str]] = {
    StateTaskServiceDynamoDB: ("DynamoDB", "AmazonDynamoDBException"),
    StateTaskServiceLambda: ("Lambda", "AWSLambdaException"),
}


def _dynamodb_error(self: StateTaskServiceDynamoDB, env: Any, ex: Exception) -> FailureEvent:
    return _optimised_error(self, env, ex, StateTaskServiceDynamoDB)


def _lambda_error(self: StateTaskServiceLambda, env: Any, ex: Exception) -> FailureEvent:
    if not isinstance(ex, lambda_eval_utils.LambdaFunctionErrorException):
        return _optimised_error(self, env, ex, StateTaskServiceLambda)
    try:
        error = json.loads(ex.payload)["errorType"]
    except (ValueError, TypeError, KeyError):
        cause = (
            "The cause could not be determined because Lambda did not return an error type. "
            f"Returned payload: {ex.payload}"
        )
        return _failed(self, env, "Lambda.Unknown", cause)
    return _failed(self, env, error, ex.payload)


def _sfn_error(self: StateTaskServiceSfn, env: Any, ex: Exception) -> FailureEvent:
    """Name a started execution's error; moto adds "Exception" to unknown errors, too."""
    if isinstance(ex, BotoCoreError):
        return _failed(self, env, "StepFunctions.SdkClientException", _unanswered(ex))
    event = _moto_sfn_error(self, env, ex)
    if isinstance(ex, ClientError):
        code = ex.response["Error"]["Code"]
        if code not in modelled_errors("stepfunctions"):
            details: Any = event.event_details
            cause = details["taskFailedEventDetails"]["cause"]
            return _failed(self, env, "StepFunctions.AWSStepFunctionsException", cause)
    return event


def _call_dynamodb(
    self: StateTaskServiceDynamoDB,
    env: Any,
    resource_runtime_part: ResourceRuntimePart,
    normalised_parameters: dict[str, Any],
    state_credentials: StateCredentials,
) -> None:
    client = client_for(resource_runtime_part.region, "dynamodb", state_credentials)
    response = getattr(client, self._get_boto_service_action())(**normalised_parameters)
    call = _metadata(response)
    del response["ResponseMetadata"]
    env.stack.append(response | call)


def _call_lambda(
    self: StateTaskServiceLambda,  # noqa: ARG001
    env: Any,
    resource_runtime_part: ResourceRuntimePart,
    normalised_parameters: dict[str, Any],
    state_credentials: StateCredentials,
) -> None:
    client = client_for(resource_runtime_part.region, "lambda", state_credentials)
    response = client.invoke(**normalised_parameters)
    text = response["Payload"].read().decode()
    if problem := response.get("FunctionError"):
        # The cause is the payload as received; moto serializes it again, in other characters.
        raise lambda_eval_utils.LambdaFunctionErrorException(problem, text)
    env.stack.append(
        {
            "ExecutedVersion": response.get("ExecutedVersion", "$LATEST"),
            "Payload": json.loads(text) if text else None,
            **_metadata(response),
            "StatusCode": response["StatusCode"],
        }
    )


_moto_sdk_error = StateTaskServiceAwsSdk._from_error
_moto_sfn_error = StateTaskServiceSfn._from_error


def install() -> None:
    """Call services, and report on the calls, as AWS does."""
    replace(
        StateTask,
        "Arguments are evaluated once, and their size is limited",
        _eval_parameters=_eval_parameters,
    )
    replace(
        StateTaskService,
        "parameters and results are named as AWS names them, whatever the service",
        _get_boto_service_name=_service_name,
        _normalise_parameters=_normalise_parameters,
        _normalise_response=_normalise_response,
    )
    replace(
        StateTaskServiceAwsSdk,
        "an SDK integration's errors are named after the SDK's client",
        _normalise_service_error_name=staticmethod(error_prefix),
        _from_error=_sdk_error,
    )
    named = "an optimised integration has its own names for errors"
    replace(
        StateTaskServiceDynamoDB,
        named,
        _from_error=_dynamodb_error,
        _eval_service_task=_call_dynamodb,
    )
    replace(StateTaskServiceSfn, named, _from_error=_sfn_error)
    replace(
        StateTaskServiceLambda, named, _from_error=_lambda_error, _eval_service_task=_call_lambda
    )
    replace(
        result_path,
        "performance: every task reads a ResultPath, which is parsed only once",
        parse=lru_cache(maxsize=64)(parse),
    )
    replace(
        encoding,
        "texts are counted (256 KiB) and shown as they are, not as ASCII escapes",
        json=SimpleNamespace(dumps=partial(json.dumps, ensure_ascii=False)),
    )
