"""How a call can fail in the fault matrix, whether a refresh survives it, and what must be told."""

from dataclasses import dataclass
from functools import cache
from typing import Literal

import botocore.session


@dataclass(frozen=True)
class Kind:
    """How a call fails, and whether the refresh survives it without anybody's help."""

    fault: str
    survives: bool
    timeout: Literal["Sandbox.Timedout", "Lambda.Unknown"] = "Sandbox.Timedout"


KINDS = {
    "throttle": Kind("throttle", survives=True),
    "throttle ×5": Kind("throttle*5", survives=True),
    "5xx": Kind("error*1", survives=True),
    "lost answer": Kind("lost", survives=True),
    "access denied": Kind("denied*always", survives=False),
    "slow": Kind("hung:25", survives=True),  # a task's client gives up after 20 seconds
    "killed": Kind("killed", survives=True),
    "aborted": Kind("aborted", survives=False),
}
# What only a function's call can do to its caller; 900 seconds are the longest that one may run.
FUNCTION_KINDS = {
    "timed out": Kind("hung:900", survives=True),
    "timed out ×9": Kind("hung:900*9", survives=False, timeout="Lambda.Unknown"),  # 8 retries
    "out of memory": Kind("exhausted", survives=True),
}
# Lambda reads the stream again until it may, so that a denial holds up, and is noticed by nobody.
READS_STREAM = {"dynamodb:GetRecords", "dynamodb:GetShardIterator"}
DENIED_A_WHILE = Kind("denied*3", survives=True)
OTHER_CALLERS = {"Dispatch", "Refresh", "Import"}  # two workflows, and the role that imports
# The services' own errors, where a model has them: what passes with time, and what may end it all.
PASSING = {
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ResourceAlreadyExistsException",
    "ResourceInUseException",
    "ResourceNotReadyException",
}
# Of what is made, the quota is of things that stay: it is full until a person deletes one.
QUOTA_OF_THINGS = ("MakeMissing", "LimitExceededException")
FINAL = {
    "ConditionalCheckFailedException",
    "ExecutionLimitExceeded",
    "InvalidInputException",
    "ResourceNotFoundException",
}
ANNOUNCING = {"Announce", "RecordEnd", "AnnounceFailure"}
SENDS = "sns:Publish"  # has no token by which a repetition is known
UNMODELLED = {"personalize": {"ValidationException"}}  # for what breaks a pattern or a length
# Where botocore has the operations of a service, if not under the name that calls are signed for.
MODELS = {
    "states": ("stepfunctions",),
    "dynamodb": ("dynamodb", "dynamodbstreams"),
    "personalize": ("personalize", "personalize-runtime"),
    "monitoring": ("cloudwatch",),
}
# What a reason has to say, one or the other, by the first word of the kind.
TOLD = {
    "access": ("not authorized to perform", "Insufficient privileges"),
    "timed": ("Task timed out after",),
    "aborted": ("Somebody stopped the execution",),
    "own": ("is refused on demand",),
}
# What it may say instead, by caller, service and kind. The check explains what is missing.
# Once a job exists its task succeeds, so that the workflow's own writes meet the rest of a fault.
UNANSWERED = "Connection was closed before we received a valid response"
TOLD_INSTEAD = {
    ("CheckCampaign", "personalize", "own ResourceNotFoundException"): "does not exist. Create it",
    ("CheckData", "personalize", "own ResourceNotFoundException"): "does not exist. Create it",
    ("CreateImport", "dynamodb", "timed out ×9"): UNANSWERED,
    ("CreateSolutionVersion", "dynamodb", "timed out ×9"): UNANSWERED,
}


def kinds(caller: str, operation: str) -> dict[str, Kind]:
    """Return the kinds of failure that a call can have, by name."""
    service, _, action = operation.partition(":")
    own = _errors(service, action) & (PASSING | FINAL) | UNMODELLED.get(service, set())
    return {
        **KINDS,
        **({} if caller in OTHER_CALLERS else FUNCTION_KINDS),
        **({"access denied": DENIED_A_WHILE} if operation in READS_STREAM else {}),
        **{
            f"own {name}": Kind(
                f"refused:{name}", name in PASSING and (caller, name) != QUOTA_OF_THINGS
            )
            for name in sorted(own)
        },
    }


@cache
def _errors(service: str, operation: str) -> set[str]:
    session = botocore.session.get_session()
    models = map(session.get_service_model, MODELS.get(service, (service,)))
    (model,) = (each for each in models if operation in each.operation_names)
    return {error.name for error in model.operation_model(operation).error_shapes}


def is_true(reason: str, caller: str, operation: str, kind: str) -> bool:
    """Whether a reason tells of the failure that there was."""
    told = TOLD.get(kind.split(maxsplit=1)[0], ("",))
    instead = TOLD_INSTEAD.get((caller, operation.split(":", maxsplit=1)[0], kind))
    return bool(reason) and any(words in reason for words in (*told, instead) if words is not None)


def may_die_after_sending(caller: str, operation: str, kind: str) -> bool:
    """Whether a function that announces dies after its message went, and before it notes that."""
    dies = {"killed", "timed out", "timed out ×9", "out of memory"}
    return caller in ANNOUNCING and operation == SENDS and kind in dies


def may_be_unanswered(caller: str, operation: str, kind: str) -> bool:
    """Whether a function that announces gets no response to its message."""
    return caller in ANNOUNCING and operation == SENDS and kind in {"lost answer", "slow"}


def gives_up(caller: str, operation: str, kind: str) -> bool:
    """Whether a failure may keep a function from announcing, so that its queue has what it had."""
    return caller in ANNOUNCING and bool(operation) and not kinds(caller, operation)[kind].survives
