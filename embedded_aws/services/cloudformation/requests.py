"""What CloudFormation refuses of a request: names, tags, parameters, missing capabilities."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from moto.cloudformation.exceptions import CloudFormationError, ValidationError
from moto.cloudformation.models import Stack
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult

from embedded_aws.moto_changes import replace
from embedded_aws.validation import compiled, complaint, service_model

Template = Mapping[str, Any]

# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
# (Capabilities, StackName). A name of these types needs CAPABILITY_NAMED_IAM.
_IAM_NAMES = {
    "AWS::IAM::AccessKey": None,
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Policy": None,  # its name is required, and is the name of nothing else
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::UserToGroupAddition": None,
}
_STACK_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]*")
_LONGEST_STACK_NAME = 128
_LONGEST_VALUE = 4_096  # bytes


class InsufficientCapabilitiesError(CloudFormationError):
    """The error of a template with IAM resources that the request does not acknowledge."""

    code = "InsufficientCapabilitiesException"


def capabilities(template: Template, *, is_reviewed: bool = False) -> list[str]:
    """Return the capabilities that a template needs.

    What a transform makes is acknowledged only where no change set shows it (`is_reviewed`).
    """
    needed = []
    if template.get("Transform") and not is_reviewed:
        needed.append("CAPABILITY_AUTO_EXPAND")
    iam = [r for r in template.get("Resources", {}).values() if r.get("Type") in _IAM_NAMES]
    if any(_IAM_NAMES[r["Type"]] in r.get("Properties", {}) for r in iam):
        needed.append("CAPABILITY_NAMED_IAM")
    elif iam:
        needed.append("CAPABILITY_IAM")
    return needed


def parameter_problem(template: Template, given: Mapping[str, str | None]) -> str | None:
    """Return why the values of a request are refused, or None.

    A value of None is that of the stack before the request.
    """
    return next(_parameter_problems(template.get("Parameters") or {}, given), None)


def _parameter_problems(
    parameters: Mapping[str, Mapping[str, Any]], given: Mapping[str, str | None]
) -> Iterator[str]:
    if unknown := [name for name in given if name not in parameters]:
        yield f"Parameters: [{', '.join(unknown)}] do not exist in the template"
    if missing := [n for n, p in parameters.items() if n not in given and "Default" not in p]:
        yield f"Parameters: [{', '.join(missing)}] must have values"
    for name, parameter in parameters.items():
        if problem := _pattern_problem(parameter):
            yield f"Parameter '{name}' {problem}"
        value = given.get(name, parameter.get("Default"))
        if value is not None and not str(parameter["Type"]).startswith("AWS::SSM::"):
            for reason in _broken(parameter, _text(value)):
                yield f"Parameter '{name}' {parameter.get('ConstraintDescription', reason)}"


def _pattern_problem(parameter: Mapping[str, Any]) -> str | None:
    """Return why an AllowedPattern cannot be used, or None; the words are ours."""
    pattern = str(parameter.get("AllowedPattern", ""))
    try:
        compiled(pattern)
    except re.error as error:
        return (
            f"has an AllowedPattern that is not valid, or not supported here: {pattern} ({error})"
        )
    return None


def _broken(parameter: Mapping[str, Any], value: str) -> Iterator[str]:
    """Yield the constraints that a value breaks. Measured: the pattern's words; the others' form.

    AllowedValues and AllowedPattern judge each member of a list.
    """
    kind = str(parameter["Type"])
    listed = kind == "CommaDelimitedList" or kind.startswith("List<")
    values = [each.strip() for each in value.split(",")] if listed else [value]
    if "Number" in kind and not all(map(_is_number, values)):
        yield "must be a number"
        return
    if "AllowedValues" in parameter:
        allowed = [_text(each) for each in parameter["AllowedValues"]]
        if any(each not in allowed for each in values):
            yield "must be one of AllowedValues"
    pattern = parameter.get("AllowedPattern")
    if pattern and not all(compiled(str(pattern)).fullmatch(each) for each in values):
        yield f"must match pattern {pattern}"
    if kind == "String":
        yield from _length_problems(parameter, value)
    if "Number" in kind:
        yield from _bounds(parameter, list(map(float, values)))


def _length_problems(parameter: Mapping[str, Any], value: str) -> Iterator[str]:
    if len(value.encode()) > _LONGEST_VALUE:  # documented without words
        yield f"must contain at most {_LONGEST_VALUE} bytes"
    if len(value) < int(parameter.get("MinLength", 0)):
        yield f"must contain at least {parameter['MinLength']} characters"
    if len(value) > int(parameter.get("MaxLength", _LONGEST_VALUE)):
        yield f"must contain at most {parameter['MaxLength']} characters"


def _bounds(parameter: Mapping[str, Any], values: list[float]) -> Iterator[str]:
    if "MinValue" in parameter and min(values) < float(parameter["MinValue"]):
        yield f"must be a number not less than {parameter['MinValue']}"
    if "MaxValue" in parameter and max(values) > float(parameter["MaxValue"]):
        yield f"must be a number not greater than {parameter['MaxValue']}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check(self: CloudFormationResponse, *, is_reviewed: bool) -> None:
    """Refuse a request as CloudFormation does; the template is checked where it is parsed."""
    name = self._get_param("StackName")
    _check_name(name)
    _check_tags(self._get_param("Tags", []))
    body = self._get_param("TemplateBody")
    if url := self._get_param("TemplateURL"):
        body = self._get_stack_from_s3_url(url)
    template = Stack.parse_template(body or "{}")
    given = {p["ParameterKey"]: p.get("ParameterValue") for p in self._get_param("Parameters", [])}
    if template and (problem := parameter_problem(template, given)):
        raise ValidationError(message=problem)
    acknowledged = set(self._get_param("Capabilities", []))
    if "CAPABILITY_NAMED_IAM" in acknowledged:
        acknowledged.add("CAPABILITY_IAM")
    needed = capabilities(template, is_reviewed=is_reviewed)
    if missing := [each for each in needed if each not in acknowledged]:
        raise InsufficientCapabilitiesError(f"Requires capabilities : [{', '.join(missing)}]")


def _check_name(name: str) -> None:
    if name.startswith("arn:"):
        return
    broken = []
    if not _STACK_NAME.fullmatch(name):
        broken.append(f"Member must satisfy regular expression pattern: {_STACK_NAME.pattern}")
    if len(name) > _LONGEST_STACK_NAME:
        broken.append(f"Member must have length less than or equal to {_LONGEST_STACK_NAME}")
    if broken:
        plural = "s" if len(broken) > 1 else ""
        found = "; ".join(
            f"Value '{name}' at 'stackName' failed to satisfy constraint: {each}" for each in broken
        )
        raise ValidationError(message=f"{len(broken)} validation error{plural} detected: {found}")


def _check_tags(tags: list[dict[str, str]]) -> None:
    if not tags:
        return
    members: Any = service_model("cloudformation").operation_model("CreateStack").input_shape
    if problem := complaint(members.members["Tags"], tags, at="tags"):
        raise ValidationError(message=problem)
    if reserved := [tag["Key"] for tag in tags if tag["Key"].lower().startswith("aws:")]:
        # documented without words
        raise ValidationError(message=f"Tag keys cannot start with 'aws:': {json.dumps(reserved)}")


def _checked(
    plain: Callable[[CloudFormationResponse], ActionResult], *, is_reviewed: bool = False
) -> Callable[[CloudFormationResponse], ActionResult]:
    def call(self: CloudFormationResponse) -> ActionResult:
        _check(self, is_reviewed=is_reviewed)
        return plain(self)

    return call


def install() -> None:
    """Refuse names, tags, parameters and missing capabilities."""
    replace(
        CloudFormationResponse,
        "names, tags, values of parameters and missing capabilities are refused",
        create_stack=_checked(CloudFormationResponse.create_stack),
        update_stack=_checked(CloudFormationResponse.update_stack),
        create_change_set=_checked(CloudFormationResponse.create_change_set, is_reviewed=True),
    )
