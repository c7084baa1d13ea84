"""What moto computes anew at each request, computed once: for speed alone, nothing differs.

So is what its own sessions of botocore, one a service, load from the disk.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from antlr4.dfa.DFAState import DFAState
from botocore.loaders import Loader
from moto.core import responses
from moto.core.model import StructureShape
from moto.core.serialize import (
    AttributePicker,
    AttributePickerContext,
    BaseJSONSerializer,
    XFormedAttributePicker,
)
from moto.core.utils import method_names_from_class, unix_time_millis
from moto.sqs.models import Message, Queue

from embedded_aws.moto_changes import replace

PossibleKeys = Callable[[AttributePicker, AttributePickerContext], Iterable[str]]


def install() -> None:
    """Let moto remember what does not change between requests."""
    replace(
        responses,
        "performance: moto walks through a class for its methods at each request",
        method_names_from_class=_method_names,
    )
    for picker in (AttributePicker, XFormedAttributePicker):
        replace(
            picker,
            "performance: moto tries all names of each member of a response anew",
            get_possible_keys=_remembered(picker.get_possible_keys),
        )
    replace(
        BaseJSONSerializer,
        "performance: moto looks for all ten types of value in each attribute of a DynamoDB item",
        _serialize_type_structure=_structure,
    )
    replace(
        DFAState,
        "performance: antlr4 compares a state with ERROR, which is empty, for each character",
        __eq__=_same_state,
    )
    replace(
        Queue,
        "performance: moto asks for the time twice for each message that is counted",
        messages=property(_messages),
        approximate_number_of_messages_delayed=property(_number_delayed),
        approximate_number_of_messages_not_visible=property(_number_not_visible),
    )
    replace(
        Loader,
        "performance: each session looks for the models of botocore's 400 services anew",
        list_available_services=_once_for_all_sessions(Loader.list_available_services),
        load_service_model=_once_for_all_sessions(Loader.load_service_model),
    )


_method_names = lru_cache(maxsize=None)(method_names_from_class)


def _remembered(possible_keys: PossibleKeys) -> PossibleKeys:
    """Remember the names of a member in a plain dict, which follow from its shape alone."""
    known: dict[Any, tuple[str, ...]] = {}

    def remembered(self: AttributePicker, context: AttributePickerContext) -> Iterable[str]:
        if type(context.obj) is not dict:
            return possible_keys(self, context)
        place = (context.shape, context.key, *self.alias_providers)
        if place not in known:
            known[place] = tuple(possible_keys(self, context))
        return known[place]

    return remembered


def _once_for_all_sessions(load: Callable[..., Any]) -> Callable[..., Any]:
    """Remember what loaders with the same search paths return; botocore never changes it."""
    known: dict[Any, Any] = {}

    def loaded(self: Loader, *args: str, **kwargs: str) -> Any:
        place = (*self.search_paths, *args, *kwargs.items())
        if place not in known:
            known[place] = load(self, *args, **kwargs)
        return known[place]

    return loaded


_any_structure = BaseJSONSerializer._serialize_type_structure


def _structure(
    self: BaseJSONSerializer,
    serialized: dict[str, Any],
    value: Any,
    shape: StructureShape,
    key: str,
) -> None:
    """Serialize an attribute value by the one type that it has."""
    if shape.name != "AttributeValue" or type(value) is not dict:
        _any_structure(self, serialized, value, shape, key)
        return
    typed: dict[str, Any] = {}
    for kind, content in value.items():
        self._serialize(typed, content, shape.members[kind], kind)
    self._default_serialize(serialized, typed, shape, key)


def _same_state(self: DFAState, other: object) -> bool:
    if self is other:
        return True
    if not isinstance(other, DFAState) or len(self.configs) != len(other.configs):
        return False
    return bool(self.configs == other.configs)


def _messages(self: Queue) -> list[Message]:
    now = unix_time_millis()
    return [each for each in self._messages if each.visible_at < now >= each.delayed_until]


def _number_delayed(self: Queue) -> int:
    now = unix_time_millis()
    return sum(now < each.delayed_until for each in self._messages)


def _number_not_visible(self: Queue) -> int:
    now = unix_time_millis()
    return sum(now <= each.visible_at for each in self._messages)
