"""What CloudFormation refuses of a template before it looks at any resource, in its own words.

The words are those of recordings of AWS and of public reports; where neither has any, the comment
says so. Sections and limits: the user guide's "Template anatomy" and "CloudFormation quotas".
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Part = Any  # any part of a parsed template
Template = Mapping[str, Any]

MOST_RESOURCES = 500
MOST_OTHERS = 200  # parameters, outputs, mappings
MOST_DESCRIPTION = 1_024  # bytes
LONGEST_NAME = 255

_SECTIONS = {
    "AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Mappings", "Conditions",
    "Resources", "Outputs", "Rules", "Transform", "Hooks",
}  # fmt: skip
_RESOURCE_KEYS = {
    "Type", "Properties", "Metadata", "DependsOn", "Condition", "CreationPolicy", "UpdatePolicy",
    "DeletionPolicy", "UpdateReplacePolicy",
}  # fmt: skip
PSEUDO_PARAMETERS = {
    f"AWS::{name}"
    for name in (
        "AccountId", "NoValue", "NotificationARNs", "Partition", "Region", "StackId", "StackName",
        "URLSuffix",
    )
}  # fmt: skip
_FUNCTIONS = (
    "Fn::Base64", "Fn::GetAtt", "Fn::GetAZs", "Fn::ImportValue", "Fn::Join", "Fn::Split",
    "Fn::FindInMap", "Fn::Select", "Ref", "Fn::Equals", "Fn::If", "Fn::Not", "Condition", "Fn::And",
    "Fn::Or", "Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn", "Fn::ValueOf",
    "Fn::ValueOfAll", "Fn::RefAll", "Fn::Sub", "Fn::Cidr",
)  # fmt: skip
_EXTENSIONS = "AWS::LanguageExtensions"  # a transform, which adds functions
_PARAMETER_TYPE = re.compile(r"String|Number|List<Number>|CommaDelimitedList|(List<)?AWS::[\w:<>]+")
_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")


def problem(template: Template) -> str | None:
    """Return why CloudFormation refuses a parsed template, or None; only the first reason."""
    return next(_problems(template), None)


def attributes(part: Part) -> Iterator[tuple[str, str]]:
    """Yield the logical ID and the attribute of every Fn::GetAtt and `${Resource.Attribute}`.

    As far as they are written out: an attribute may be a Ref.
    """
    for _, name, attribute in _attributes(part):
        if attribute is not None:
            yield name, attribute


def _attributes(part: Part) -> Iterator[tuple[str, str, str | None]]:
    for function, argument in _calls(part):
        if function == "Fn::GetAtt":
            yield function, *_get_att(argument)
        elif function == "Fn::Sub":
            for variable in _variables(argument):
                name, dot, attribute = variable.partition(".")
                if dot:
                    yield function, name, attribute


def _problems(template: Template) -> Iterator[str]:
    if unknown := [name for name in template if name not in _SECTIONS]:
        yield f"Invalid template property or properties [{', '.join(map(str, unknown))}]"
    yield from _limits(template)
    yield from _nulls(template)
    yield from _resources(template.get("Resources") or {})
    yield from _parameters(template.get("Parameters") or {})
    yield from _mappings(template.get("Mappings") or {})
    yield from _outputs(template)
    yield from _functions(template)
    yield from _references(template)


def _limits(template: Template) -> Iterator[str]:
    resources = template.get("Resources")
    if not isinstance(resources, Mapping) or not resources:
        yield "Template format error: At least one Resources member must be defined."
        return
    if len(resources) > MOST_RESOURCES:
        yield (
            f"Template format error: Number of resources, {len(resources)}, is greater than "
            f"maximum allowed, {MOST_RESOURCES}"
        )
    # the words for mappings are assumed from those for outputs
    for section, named in (
        ("Parameters", "Parameter"), ("Outputs", "Outputs"), ("Mappings", "Mappings"),
    ):  # fmt: skip
        if (count := len(template.get(section) or {})) > MOST_OTHERS:
            yield (
                f"Template format error: {named} count {count} is greater than max allowed "
                f"{MOST_OTHERS}"
            )
    # the words are assumed
    if len(str(template.get("Description", "")).encode()) > MOST_DESCRIPTION:
        yield f"Template format error: 'Description' length is greater than {MOST_DESCRIPTION}."
    yield from _names(template)


def _names(template: Template) -> Iterator[str]:
    # AWS's words are known for resources
    for section, named in (
        ("Resources", "Resource"), ("Parameters", "Parameter"), ("Outputs", "Output"),
        ("Mappings", "Mapping"),
    ):  # fmt: skip
        for name in template.get(section) or {}:
            if not re.fullmatch(r"[A-Za-z0-9]+", str(name)):
                yield f"Template format error: {named} name {name} is non alphanumeric."
            if len(str(name)) > LONGEST_NAME:  # documented without words
                yield (
                    f"Template format error: {named} name {name} is longer than {LONGEST_NAME} "
                    "characters."
                )


def _nulls(template: Template) -> Iterator[str]:
    for section in ("Parameters", "Mappings", "Conditions", "Resources", "Outputs"):
        for path in _null_paths(template.get(section, {}), f"/{section}"):
            yield f"[{path}] 'null' values are not allowed in templates"


def _null_paths(part: Part, path: str) -> Iterator[str]:
    if part is None:
        yield path
    elif isinstance(part, Mapping):
        for key, value in part.items():
            yield from _null_paths(value, f"{path}/{key}")
    elif isinstance(part, list):
        for number, value in enumerate(part):
            yield from _null_paths(value, f"{path}/{number}")


def _resources(resources: Mapping[str, Part]) -> Iterator[str]:
    for name, resource in resources.items():
        if not isinstance(resource, Mapping):
            yield "Template format error: Any Resources member must be an object."
            return
        for key in resource:
            if key not in _RESOURCE_KEYS:
                yield f"Invalid template resource property '{key}'"
        if "Type" not in resource:
            yield (
                f"Template format error: [/Resources/{name}] Every Resources object must contain "
                "a Type member."
            )


def _parameters(parameters: Mapping[str, Part]) -> Iterator[str]:
    for parameter in parameters.values():
        if not isinstance(parameter, Mapping) or "Type" not in parameter:
            yield "Template format error: Every Parameters object must contain a Type member."
        elif not _PARAMETER_TYPE.fullmatch(str(parameter["Type"])):
            yield f"Template format error: Unrecognized parameter type: {parameter['Type']}"


def _mappings(mappings: Mapping[str, Part]) -> Iterator[str]:
    for keys in mappings.values():
        for key, values in keys.items() if isinstance(keys, Mapping) else ():
            if key == "Fn::Transform":
                continue
            if not isinstance(values, Mapping):
                yield f"Template format error: Every Mappings member {key} must be a map"
            elif any(isinstance(value, Mapping) for value in values.values()):
                yield "Template format error: Every Mappings attribute must be a String or a List."


def _outputs(template: Template) -> Iterator[str]:
    resources = template["Resources"]
    for name, output in (template.get("Outputs") or {}).items():
        if not isinstance(output, Mapping) or "Value" not in output:
            yield "Template format error: Every Outputs member must contain a Value object"
            return
        exported = output.get("Export", {}).get("Name", "")
        calls = list(_calls(exported))
        if any(function in {"Fn::ImportValue", "Fn::GetAZs"} for function, _ in calls) or any(
            used in resources for used, _ in _names_used(exported)
        ):
            yield (
                f"Template format error: Output {name} is malformed.  The Name field of Export "
                "must not depend on any resources, imported values, or Fn::GetAZs."
            )


def _functions(template: Template) -> Iterator[str]:
    transforms = template.get("Transform", [])
    extended = _EXTENSIONS in ([transforms] if isinstance(transforms, str) else transforms)
    conditions = template.get("Conditions") or {}
    mappings = template.get("Mappings") or {}
    for function, argument in _calls(list(_evaluated(template))):
        if function not in _FUNCTIONS and function != "Fn::Transform" and not extended:
            yield (
                f"Template error: Encountered unsupported function: {function} Supported functions "
                f"are: [{', '.join(_FUNCTIONS)}]"
            )
        elif function == "Fn::If" and argument[0] not in conditions:
            yield f"Template error: unresolved condition dependency {argument[0]} in Fn::If"
        elif function == "Fn::FindInMap" and isinstance(argument, list) and not extended:
            yield from _find_in_map(argument, mappings)
        elif function == "Fn::GetAtt" and "" in _get_att(argument):
            yield (
                "Template error: every Fn::GetAtt object requires two non-empty parameters, the "
                "resource name and the resource attribute"
            )


def _find_in_map(argument: list[Part], mappings: Mapping[str, Part]) -> Iterator[str]:
    """Check the keys as far as they are written out."""
    found: Part = mappings
    for key in argument:
        if not isinstance(key, str) or "Fn::Transform" in found:
            return
        if key not in found:
            if found is mappings:
                yield (
                    f"Template error: Mapping named '{key}' is not present in the 'Mappings' "
                    "section of template."
                )
            else:
                yield f"Template error: Unable to get mapping for {'::'.join(map(str, argument))}"
            return
        found = found[key]


def _references(template: Template) -> Iterator[str]:
    resources = template["Resources"]
    known = {*resources, *(template.get("Parameters") or {}), *PSEUDO_PARAMETERS}
    outputs = template.get("Outputs") or {}
    conditions = template.get("Conditions") or {}
    if missing := [n for n, _ in _names_used(conditions) if n in resources or n not in known]:
        yield (
            f"Template format error: Unresolved dependencies [{', '.join(missing)}]. Cannot "
            "reference resources in the Conditions block of the template"
        )
    for function, name, attribute in _attributes(list(_evaluated(template))):
        if name not in resources and function == "Fn::GetAtt":
            yield f"Template error: instance of Fn::GetAtt references undefined resource {name}"
        elif name not in resources:
            yield (
                "Template error: instance of Fn::Sub references invalid resource attribute "
                f"{name}.{attribute}"
            )
    needed = [n for resource in resources.values() for n in _depends_on(resource)]
    properties = [resource.get("Properties", {}) for resource in resources.values()]
    used = [n for n, _ in _names_used(properties)]
    missing = [n for n in needed if n not in resources] + [n for n in used if n not in known]
    if missing:
        yield (
            f"Template format error: Unresolved resource dependencies [{_listed(missing)}] in the "
            "Resources block of the template"
        )
    if missing := [n for n, _ in _names_used(outputs) if n not in known]:
        yield (
            f"Unresolved resource dependencies [{_listed(missing)}] in the Outputs block of the "
            "template"
        )
    for part in [*resources.values(), *outputs.values()]:
        if (condition := part.get("Condition")) and condition not in conditions:
            block = "Resources" if part in resources.values() else "Outputs"
            yield (
                f"Template format error: Unresolved condition dependency {condition} in the "
                f"{block} block of the template"
            )


def _listed(names: list[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _depends_on(resource: Part) -> list[str]:
    needed = resource.get("DependsOn", [])
    return [needed] if isinstance(needed, str) else list(needed)


def _evaluated(template: Template) -> Iterator[Part]:
    """Yield the parts in which CloudFormation evaluates functions."""
    yield template.get("Conditions") or {}
    yield from (resource.get("Properties", {}) for resource in template["Resources"].values())
    yield template.get("Outputs") or {}


def _names_used(part: Part) -> Iterator[tuple[str, str]]:
    """Yield the names of Ref and of Fn::Sub's plain variables, each with its function."""
    for function, argument in _calls(part):
        if function == "Ref":
            yield str(argument), function
        elif function == "Fn::Sub":
            yield from ((v, function) for v in _variables(argument) if "." not in v)


def _variables(argument: Part) -> list[str]:
    """Return the variables of an Fn::Sub that its own mapping does not define."""
    text, own = (argument[0], argument[1]) if isinstance(argument, list) else (argument, {})
    return [v.strip() for v in _VARIABLE.findall(str(text)) if v.strip() not in own]


def _get_att(argument: Part) -> tuple[str, str | None]:
    """Return the logical ID and the attribute, or None for one that is a function."""
    if isinstance(argument, str):
        name, _, attribute = argument.partition(".")
        return name, attribute
    if not isinstance(argument, list) or len(argument) < 2:  # noqa: PLR2004 - name and attribute
        return "", ""
    if any(isinstance(each, Mapping) for each in argument[1:]):
        return str(argument[0]), None
    return str(argument[0]), ".".join(map(str, argument[1:]))


def _calls(part: Part) -> Iterator[tuple[str, Part]]:
    """Yield every intrinsic function with its argument, the outer before the inner."""
    if isinstance(part, list):
        for item in part:
            yield from _calls(item)
    elif isinstance(part, Mapping):
        for key, value in part.items():
            if key == "Ref" or str(key).startswith("Fn::"):
                yield key, value
            yield from _calls(value)
