"""Service integrations as AWS writes them: PascalCase names, ISO dates, error names, metadata."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache, partial
from types import SimpleNamespace
from typing import Any

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError, UnknownServiceError
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.credentials import (
    StateCredentials,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_dynamodb,
    state_task_service_lambda,
    state_task_service_sfn,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import (
    ResourceRuntimePart,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (
    StateTaskService,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk import (
    StateTaskServiceAwsSdk,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_dynamodb import (
    StateTaskServiceDynamoDB,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_lambda import (
    StateTaskServiceLambda,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task import StateTask
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.utils import encoding
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from rehearsal import clock
from rehearsal.stepfunctions.clients import client_for
from rehearsal.stepfunctions.timing import iso

# What an optimised integration takes, by service and action.
_SUPPORTED: dict[str, dict[str, set[str]]] = {
    "dynamodb": state_task_service_dynamodb._SUPPORTED_API_PARAM_BINDINGS,
    "lambda": state_task_service_lambda._SUPPORTED_API_PARAM_BINDINGS,
    "states": state_task_service_sfn._SUPPORTED_API_PARAM_BINDINGS,
}


@lru_cache(maxsize=256)
def operation(service: str, action: str) -> OperationModel:
    """Return botocore's model of `action`, in any spelling, or raise KeyError."""
    model = botocore.session.get_session().get_service_model(service)
    names = {name.lower(): name for name in model.operation_names}
    return model.operation_model(names[action.lower().replace("_", "")])


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _pascal(name: str) -> str:
    """Spell a member as Step Functions does: `datasetArn` is DatasetArn, `DBName` is DbName."""
    acronym = re.match(r"[A-Z]+(?=[A-Z][a-z])", name)
    if acronym:
        return acronym[0].capitalize() + name[acronym.end() :]
    return name[:1].upper() + name[1:]


def to_request(shape: Shape | None, value: Any) -> Any:
    """Convert a state's arguments to botocore's names; ValueError names a field AWS refuses."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        members = {_plain(member): member for member in shape.members}
        request = {}
        for name, item in value.items():
            member = members.get(_plain(name))
            if member is None or not name[:1].isupper():
                raise ValueError(f'The field "{name}" is not supported by Step Functions')
            request[member] = to_request(shape.members[member], item)
        return request
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [to_request(shape.member, item) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {name: to_request(shape.value, item) for name, item in value.items()}
    if shape is not None and shape.type_name == "string" and not isinstance(value, str):
        return to_json_str(value, separators=(",", ":"))
    if shape is not None and shape.type_name == "blob" and not isinstance(value, bytes):
        text = value if isinstance(value, str) else to_json_str(value, separators=(",", ":"))
        return text.encode()
    return value


def from_response(shape: Shape | None, value: Any) -> Any:
    """Convert botocore's answer to what a state sees."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {
            _pascal(name): from_response(shape.members.get(name), item)
            for name, item in value.items()
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [from_response(shape.member, item) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {name: from_response(shape.value, item) for name, item in value.items()}
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, bytes):
        return value.decode()
    if hasattr(value, "read"):
        return value.read().decode()
    return value


def unsupported(resource: str, arguments: Any) -> Iterator[str]:
    """Yield AWS's complaints about the field names in the literal `arguments` of a Task."""
    parts = resource.split(":")
    if len(parts) < 7 or parts[2] != "states" or not isinstance(arguments, dict):  # noqa: PLR2004
        return
    action = parts[-1].partition(".")[0]
    if parts[5] == "aws-sdk":
        try:
            to_request(operation(_boto_name(parts[6]), action).input_shape, arguments)
        except ValueError as problem:
            yield str(problem)
        except (KeyError, UnknownServiceError):
            yield f"The resource provided {resource} is not recognized"
        return
    supported = _SUPPORTED.get(parts[5], {}).get(action.lower())
    for name in arguments if supported else ():
        if name not in supported:
            yield f'The field "{name}" is not supported by Step Functions'


def _boto_name(service: str) -> str:
    name: str = StateTaskService._SERVICE_NAME_SFN_TO_BOTO_OVERRIDES.get(service, service)
    return name


def _error_prefix(service_name: str) -> str:
    """Name a service as the SDK for Java does, on which AWS's error names rest."""
    service_id = operation_service_id(_boto_name(service_name))
    words = [word if len(word) > 2 and not word.isupper() else word.capitalize()  # noqa: PLR2004
             for word in service_id.split()]  # fmt: skip
    return "".join(words).replace("DynamoDB", "DynamoDb")


@lru_cache(maxsize=64)
def operation_service_id(service: str) -> str:
    """Return the service id that botocore knows, such as "Personalize" or "SFN"."""
    return str(botocore.session.get_session().get_service_model(service).service_id)


def _metadata(response: dict[str, Any]) -> dict[str, Any]:
    """Return what an optimised integration tells of the call itself."""
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


# The methods of moto's tasks that these replace.


def _eval_parameters(self: StateTask, env: Environment) -> dict[str, Any]:
    """AWS refuses what it does not know; moto leaves it out without a word."""
    if self.parargs is None:
        return {}
    self.parargs.eval(env=env)
    parameters: dict[str, Any] = env.stack.pop()
    supported = self._get_supported_parameters()
    for name in parameters:
        if supported and name not in supported:
            raise _refused(parameters, f'The field "{name}" is not supported by Step Functions')
    return parameters


def _refused(parameters: dict[str, Any], problem: str) -> ValueError:
    text = to_json_str(parameters, separators=(",", ":"))
    return ValueError(f"The Parameters '{text}' could not be used to start the Task: [{problem}]")


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


def _failed(self: StateTaskService, env: Environment, error: str, cause: str) -> FailureEvent:
    return FailureEvent(
        env,
        ErrorName(error),
        HistoryEventType.TaskFailed,
        EventDetails(
            taskFailedEventDetails=TaskFailedEventDetails(
                error=error,
                cause=cause,
                resource=self._get_sfn_resource(),
                resourceType=self._get_sfn_resource_type(),
            )
        ),
    )


def _unanswered(error: BotoCoreError) -> str:
    return f"Unable to execute HTTP request: {error}"


def _sdk_error(self: StateTaskServiceAwsSdk, env: Environment, ex: Exception) -> FailureEvent:
    if isinstance(ex, BotoCoreError):  # the connection broke, or no answer came
        prefix = _error_prefix(self.resource.api_name)
        return _failed(self, env, f"{prefix}.SdkClientException", _unanswered(ex))
    return _moto_sdk_error(self, env, ex)


def _optimised_error(
    self: StateTaskService, env: Environment, ex: Exception, prefix: str, unmodelled: str
) -> FailureEvent:
    """Name an error as optimised integrations do; one that the service does not model is general."""
    if isinstance(ex, BotoCoreError):
        return _failed(self, env, f"{prefix}.SdkClientException", _unanswered(ex))
    if not isinstance(ex, ClientError):
        return StateTask._from_error(self, env, ex)
    code, http = ex.response["Error"]["Code"], ex.response["ResponseMetadata"]
    model = botocore.session.get_session().get_service_model(prefix.lower())
    name = code if code in {shape.name for shape in model.error_shapes} else unmodelled
    cause = (
        f"{ex.response['Error']['Message']} (Service: {prefix}, "
        f"Status Code: {http['HTTPStatusCode']}, Request ID: {http.get('RequestId', '')})"
    )
    return _failed(self, env, f"{prefix}.{name}", cause)


def _dynamodb_error(
    self: StateTaskServiceDynamoDB, env: Environment, ex: Exception
) -> FailureEvent:
    return _optimised_error(self, env, ex, "DynamoDB", "AmazonDynamoDBException")


def _lambda_error(self: StateTaskServiceLambda, env: Environment, ex: Exception) -> FailureEvent:
    if not isinstance(ex, lambda_eval_utils.LambdaFunctionErrorException):
        return _optimised_error(self, env, ex, "Lambda", "AWSLambdaException")
    try:
        error = json.loads(ex.payload)["errorType"]
    except (ValueError, TypeError, KeyError):
        error = "Lambda.Unknown"
    return _failed(self, env, error, ex.payload)


def _call_dynamodb(
    self: StateTaskServiceDynamoDB,
    env: Environment,
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
    env: Environment,
    resource_runtime_part: ResourceRuntimePart,
    normalised_parameters: dict[str, Any],
    state_credentials: StateCredentials,
) -> None:
    client = client_for(resource_runtime_part.region, "lambda", state_credentials)
    response = client.invoke(**normalised_parameters)
    text = response["Payload"].read().decode()
    if problem := response.get("FunctionError"):
        # The cause is the payload as it came; moto writes it anew, in other characters.
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


def install() -> None:
    """Call services, and report on the calls, as AWS does."""
    StateTask._eval_parameters = _eval_parameters
    StateTaskService._normalise_parameters = _normalise_parameters
    StateTaskService._normalise_response = _normalise_response
    StateTaskServiceAwsSdk._normalise_service_error_name = staticmethod(_error_prefix)
    StateTaskServiceAwsSdk._from_error = _sdk_error
    StateTaskServiceDynamoDB._from_error = _dynamodb_error
    StateTaskServiceDynamoDB._eval_service_task = _call_dynamodb
    StateTaskServiceLambda._from_error = _lambda_error
    StateTaskServiceLambda._eval_service_task = _call_lambda
    # Texts are counted (256 KiB) and shown as they are, not as ASCII escapes.
    encoding.json = SimpleNamespace(dumps=partial(json.dumps, ensure_ascii=False))
