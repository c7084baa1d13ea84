"""One deployed function: its settings, its warm environments and its log.

Keeps the template settings that the runtime needs and moto's own model leaves out: LoggingConfig,
TracingConfig, Architectures, EphemeralStorage. Whatever its declared runtime and architecture, a
function runs on this environment's Python.
"""

import copy
import json
import threading
import uuid
from collections.abc import Mapping
from typing import Any, Self

from moto.awslambda.models import LambdaFunction, lambda_backends
from moto.awslambda.utils import make_arn
from moto.core.common_models import CloudFormationModel
from moto.logs.models import logs_backends
from moto.settings import moto_server_port
from moto.utilities.utils import get_partition

from embedded_aws.clock import current
from embedded_aws.services import iam
from embedded_aws.services.awslambda.code import unpacked
from embedded_aws.services.awslambda.platform_log import Invocation, json_lines, text_lines
from embedded_aws.services.awslambda.runtime import Environment, InvocationResult
from embedded_aws.services.cloudwatch.metrics import record, record_embedded

# The template properties that have the same name in CreateFunction.
_PROPERTIES = (
    "Architectures",
    "DeadLetterConfig",
    "Description",
    "Environment",
    "EphemeralStorage",
    "Layers",
    "LoggingConfig",
    "MemorySize",
    "ReservedConcurrentExecutions",
    "Timeout",
    "TracingConfig",
    "VpcConfig",
)


class DeployedFunction(LambdaFunction, CloudFormationModel):
    """A function and its warm execution environments."""

    def __init__(
        self, account_id: str, spec: dict[str, Any], region: str, version: str | int = 1
    ) -> None:
        super().__init__(account_id, spec, region, version)
        self.logging: dict[str, str] = {"LogFormat": "Text", **spec.get("LoggingConfig", {})}
        self.logging.setdefault("LogGroup", f"/aws/lambda/{self.function_name}")
        self.logs_group_name = self.logging["LogGroup"]
        self.dead_letter: dict[str, str] = spec.get("DeadLetterConfig") or {}
        self.published_from: dict[str, Any] = {}
        self._begin()

    def _begin(self) -> None:
        self._warm: list[Environment] = []
        self._streams: dict[Environment, str] = {}
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the environments: a copy starts without them."""
        running = {"_warm", "_streams", "_lock"}
        return {k: v for k, v in super().__getstate__().items() if k not in running}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make a copy that has its own environments, and settings that are not shared."""
        self.__dict__.update(state)
        self.code, self.logging = dict(self.code), dict(self.logging)
        self._begin()

    def settings(self) -> dict[str, Any]:
        """Return what PublishVersion compares: the configuration and the hash of the code."""
        own = {"FunctionArn", "LastModified", "Version"}
        return {k: v for k, v in self.get_configuration().items() if k not in own}

    def published(self, number: int, description: str) -> Self:
        """Return a version: the code and configuration of now, which never change."""
        version = copy.copy(self)
        version.published_from = self.settings()
        version.set_version(number)
        version.description = description or self.description
        return version

    def get_configuration(self, on_create: bool = False) -> dict[str, Any]:
        """Describe the function, as GetFunctionConfiguration does."""
        dead_letter = {"DeadLetterConfig": self.dead_letter} if self.dead_letter else {}
        described = super().get_configuration(on_create)
        return {**described, "LoggingConfig": self.logging, **dead_letter}

    def update_configuration(self, config_updates: dict[str, Any]) -> dict[str, Any]:
        """Change settings; environments with the old settings are not used again."""
        if "LoggingConfig" in config_updates:
            self.logging |= config_updates["LoggingConfig"]
            self.logs_group_name = self.logging["LogGroup"]
        self.dead_letter = config_updates.get("DeadLetterConfig", self.dead_letter)
        super().update_configuration(config_updates)
        self.retire()
        return self.get_configuration()

    def update_function_code(self, updated_spec: dict[str, Any]) -> dict[str, Any]:
        """Replace the code; environments with the old code are not used again."""
        super().update_function_code(updated_spec)
        self.retire()
        return self.get_configuration()

    def run(self, event: bytes) -> InvocationResult:
        """Invoke the function once and write its log."""
        with self._lock:
            environment = self._warm.pop() if self._warm else self._start()
            stream = self._streams[environment]
        request_id, began = str(uuid.uuid4()), current().time()
        result = environment.invoke(request_id, event, float(self.timeout))
        invocation = Invocation(
            request_id=request_id,
            version=str(self.version),
            memory_size=int(self.memory_size),
            began=began,
            ended=current().time(),
            error_type=result.error_type,
        )
        written = environment.output().splitlines()
        if invocation.status in {"timeout", "error"}:
            written.append(json.loads(result.payload)["errorMessage"])
        self._log(stream, self._lines(invocation, written))
        self._measure(written, is_error=result.error_type is not None)
        with self._lock:
            is_reused = environment.is_usable and environment in self._streams
            if is_reused:
                self._warm.append(environment)
            else:
                self._streams.pop(environment, None)
        if not is_reused:
            environment.close()
        return result

    def _measure(self, written: list[str], *, is_error: bool) -> None:
        """Record what CloudWatch measures of an invocation, and what its log embeds."""
        place = (self.account_id, self.region)
        mine = {"FunctionName": self.function_name}
        record(*place, "AWS/Lambda", "Invocations", mine)
        if is_error:
            record(*place, "AWS/Lambda", "Errors", mine)
        record_embedded(*place, written)

    def asynchronous_settings(self) -> dict[str, Any]:
        """Return the settings for asynchronous invocations; empty for Lambda's own."""
        configs: list[Any] = self.event_invoke_config
        return dict(configs[0].config) if configs else {}

    def retire(self) -> None:
        """Stop using the current environments; a busy one ends after its invocation."""
        with self._lock:
            idle, self._warm, self._streams = self._warm, [], {}
        for environment in idle:
            environment.close()

    def stop(self) -> None:
        """End every environment at once, including busy ones."""
        for environment in list(self._streams):
            environment.kill()
        self.retire()

    def _start(self) -> Environment:
        lambdas: Any = lambda_backends[self.account_id][self.region]
        stream = f"{current().now():%Y/%m/%d}/[{self.version}]{uuid.uuid4().hex}"
        environment = Environment(
            handler=str(self.handler),
            task_root=unpacked(self.code_bytes),
            variables=self._variables(stream),
            arn=self.function_arn,
            behaviour=lambdas.behaviour,
        )
        self._streams[environment] = stream
        return environment

    def _variables(self, stream: str) -> Mapping[str, str]:
        # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
        role = iam.assume_role_as_service(
            self.role,
            service="lambda.amazonaws.com",
            source_arn=make_arn("function", self.region, self.account_id, self.function_name),
            region=self.region,
        )
        level = self.logging.get("ApplicationLogLevel")
        return {
            **self.environment_vars,
            "AWS_ACCESS_KEY_ID": role.access_key_id,
            "AWS_SECRET_ACCESS_KEY": role.secret_access_key,
            "AWS_SESSION_TOKEN": role.session_token,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL": f"http://localhost:{moto_server_port()}",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{self.run_time}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory_size),
            "AWS_LAMBDA_FUNCTION_NAME": self.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": str(self.version),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_FORMAT": self.logging["LogFormat"],
            "AWS_LAMBDA_LOG_GROUP_NAME": self.logging["LogGroup"],
            "AWS_LAMBDA_LOG_STREAM_NAME": stream,
            "AWS_REGION": self.region,
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            # A function does not see the developer's own AWS configuration.
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            **({"AWS_LAMBDA_LOG_LEVEL": level} if level else {}),
        }

    def _lines(self, invocation: Invocation, written: list[str]) -> list[str]:
        if self.logging["LogFormat"] == "Text":
            return text_lines(invocation, written)
        # the system log level WARN leaves out the platform's own lines
        is_wanted = self.logging.get("SystemLogLevel", "INFO") != "WARN"
        return json_lines(invocation, written) if is_wanted else written

    def _log(self, stream: str, lines: list[str]) -> None:
        """Write to the function's log group as Lambda does: only if the role allows it."""
        if not lines:
            return
        groups = logs_backends[self.account_id][self.region].groups
        group = self.logging["LogGroup"]
        partition = get_partition(self.region)
        prefix = f"arn:{partition}:logs:{self.region}:{self.account_id}:log-group:{group}"
        if group not in groups:
            if not self._may("logs:CreateLogGroup", prefix):
                return
            logs_backends[self.account_id][self.region].create_log_group(group, {})
        if stream not in groups[group].streams:
            if not self._may("logs:CreateLogStream", f"{prefix}:log-stream:{stream}"):
                return
            groups[group].create_log_stream(stream)
        if self._may("logs:PutLogEvents", f"{prefix}:log-stream:{stream}"):
            now = int(current().time() * 1000)
            # Skips the check of PutLogEvents, which compares simulated times with real time.
            events = [{"timestamp": now, "message": line} for line in lines]
            groups[group].put_log_events(stream, events)

    def _may(self, action: str, resource: str) -> bool:
        context = {"aws:requestedregion": self.region}
        return iam.is_authorized(self.role, action, resource, context)

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
        **_kwargs: Any,
    ) -> "LambdaFunction":
        """Create the function with every property that matters here."""
        properties = cloudformation_json["Properties"]
        code = properties["Code"]
        if "ZipFile" in code:  # a template's inline code is source text
            code = {"ZipFile": cls._create_zipfile_from_plaintext_code(code["ZipFile"])}
        spec = {
            "FunctionName": resource_name,
            "Code": code,
            "Handler": properties.get("Handler"),
            "Role": properties["Role"],
            "Runtime": properties.get("Runtime"),
            "Tags": {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])},
            **{name: properties[name] for name in _PROPERTIES if name in properties},
        }
        # Templates sometimes contain numbers as text.
        spec |= {n: int(spec[n]) for n in ("MemorySize", "Timeout") if n in spec}
        return lambda_backends[account_id][region_name].create_function(spec)

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
    ) -> "LambdaFunction":
        """Create the function again under its name: removed properties get their defaults."""
        is_named = "FunctionName" in cloudformation_json["Properties"]
        name = new_resource_name if is_named else original_resource.function_name
        if name != original_resource.function_name:
            original_resource.delete(account_id, region_name)
        original_resource.retire()
        updated = cls.create_from_cloudformation_json(
            name, cloudformation_json, account_id, region_name
        )
        # resources of their own, which this update leaves as they are
        updated.event_invoke_config = original_resource.event_invoke_config
        updated.policy.statements = original_resource.policy.statements
        return updated
