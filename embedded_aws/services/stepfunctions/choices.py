"""Choice states: which rule applies, what it assigns, and what happens when none does."""

from typing import Any

from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison import (
    ConditionStringJSONata,
)
from moto.stepfunctions.parser.asl.component.state.choice.state_choice import StateChoice
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField

from embedded_aws.moto_changes import replace
from embedded_aws.services.stepfunctions.errors import (
    NO_CHOICE_MATCHED,
    QUERY_EVALUATION_ERROR,
    failure,
    type_name,
)


def _choose(self: Any, env: Any) -> None:
    for rule in self.choices_decl.rules:
        rule.eval(env)
        if env.stack.pop() is True:
            env.stack.append(rule.next_stmt.name)
            return
    if self.default_state is None:
        raise failure(
            env,
            NO_CHOICE_MATCHED,
            "Failed to transition out of the state. The state does not point to a next state.",
        )
    if self.assign_decl:
        self.assign_decl.eval(env=env)
    if self.output:
        self.output.eval(env=env)
    env.stack.append(self.default_state.state_name)


def _leave_choice(self: Any, env: Any) -> None:
    """Skip the default's Assign and Output, which moto also applies to rules with the same Next."""
    next_state = env.stack.pop()
    if self._is_language_query_jsonpath():
        CommonStateField._eval_state_output(self, env)
    env.next_state_name = next_state


def _condition(self: ConditionStringJSONata, env: Any) -> None:
    self.string_jsonata.eval(env=env)
    value = env.stack[-1]
    if not isinstance(value, bool):
        expression = self.string_jsonata.expression
        field = env.event_manager.field(env.next_state_name, expression)
        raise failure(
            env,
            QUERY_EVALUATION_ERROR,
            f"The JSONata expression '{expression}' specified for the field '{field}' returned an "
            f"unexpected result type. Expected 'boolean', but was '{type_name(value)}'.",
            field,
        )


def install() -> None:
    """Make Choice states work as on AWS."""
    replace(
        StateChoice,
        "no match is an error that a Catch handles; the default's Assign is only for the default",
        _eval_state=_choose,
        _eval_state_output=_leave_choice,
    )
    replace(
        ConditionStringJSONata,
        "a condition that is not a boolean is States.QueryEvaluationError, not States.Runtime",
        _eval_body=_condition,
    )
