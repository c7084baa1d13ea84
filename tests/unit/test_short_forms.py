"""How the short forms of statemachine/ are written out, and what is refused."""

from typing import Any

import pytest

from stacks.short_forms import OWNED, DefinitionError, written_out


@pytest.fixture
def workflow(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Write out states of a workflow file, next to the shared entries below."""
    shared = {
        "again": {"ErrorEquals": ["Busy"], "BackoffRate": 2.0, "MaxAttempts": "${stage_attempts}"},
        "table_unavailable": {"ErrorEquals": ["A"], "BackoffRate": 2.0},
        "table_refuses": {"Like": "table_unavailable", "ErrorEquals": ["B"]},
        "noted": {"ErrorEquals": ["States.ALL"], "Assign": {"error": "x", "cause": "y"}},
    }

    def states(body: dict[str, Any] | None = None, **states: Any) -> dict[str, Any]:
        files = {
            "shared.yaml": shared,
            "it": {"States": states},
            "stages/train.asl.yaml": {"States": body or {}},
            "claim.asl.yaml": {"States": {"Read": {"Seconds": 1}, "Claim": {"Seconds": 2}}},
        }
        monkeypatch.setattr("stacks.short_forms._read", files.__getitem__)
        written: dict[str, Any] = written_out("it", "aws-cn")["States"]
        return written

    return states


DONE = {"Type": "Succeed"}


def test_a_state_and_its_catch_continue_with_the_state_below(workflow: Any) -> None:
    look = {"Resource": "dynamodb:getItem", "Catch": [{"ErrorEquals": ["X"]}]}
    first = workflow(Look=look, Done=DONE)["Look"]
    assert first["Next"] == "Done"
    assert first["Catch"] == [{"ErrorEquals": ["X"], "Next": "Done"}]


def test_the_states_of_another_file_stand_in_their_place(workflow: Any) -> None:
    written = workflow(Begin={"Seconds": 0}, Own={"States": "claim"}, Done=DONE)
    assert list(written) == ["Begin", "Read", "Claim", "Done"]
    assert [written[name]["Next"] for name in ("Begin", "Read", "Claim")] == [
        "Read",
        "Claim",
        "Done",
    ]


def test_the_type_is_derived_and_the_resource_has_the_partition(workflow: Any) -> None:
    written = workflow(
        Do={"Resource": "lambda:invoke"},
        Wait={"Seconds": 5},
        Choose={"Choices": [], "Default": "Done"},
        Fail={"Error": "E"},
        Done=DONE,
    )
    assert [s["Type"] for s in written.values()] == ["Task", "Wait", "Choice", "Fail", "Succeed"]
    assert written["Do"]["Resource"] == "arn:aws-cn:states:::lambda:invoke"
    assert "Next" not in written["Choose"]
    assert "Next" not in written["Fail"]


def test_a_write_removes_the_attributes_that_are_null(workflow: Any) -> None:
    row = {"status": "DONE", "reason": None, "kind": None, "part": {"S": "DONE", "When": "$x"}}
    updates = [
        workflow(Do={"Write own row": attributes}, Done=DONE)["Do"]["Arguments"]
        for attributes in ({"status": "DONE", "reason": None}, row)
    ]
    assert updates[0]["UpdateExpression"] == "SET status = :status REMOVE reason"
    assert updates[1]["UpdateExpression"] == (
        "{% 'SET status = :status' & ($x ? ', part = :status' : '') & ' REMOVE reason, kind' %}"
    )
    assert ":reason" not in updates[0]["ExpressionAttributeValues"]


def test_shared_entries_are_copied_and_own_keys_replace_theirs(workflow: Any) -> None:
    retry = ["again", {"Like": "again", "MaxAttempts": 3}]
    catch = [{"Like": "noted", "Assign": {"cause": "z", "more": 1}, "Next": "Done"}]
    do = workflow(Do={"Resource": "r", "Retry": retry, "Catch": catch}, Done=DONE)["Do"]
    assert [r["MaxAttempts"] for r in do["Retry"]] == ["${stage_attempts}", 3]
    assert do["Catch"][0]["Assign"] == {"error": "x", "cause": "z", "more": 1}


def test_a_stage_becomes_the_body_and_has_its_name(workflow: Any) -> None:
    body = {"Do": {"Resource": "r", "Retry": ["again"], "Comment": "${stage}", "End": True}}
    written = workflow(
        body, Each={"Type": "Map", "Stage": "train"}, One={"Type": "Parallel", "Stage": "train"},
        Done=DONE,
    )  # fmt: skip
    inner = written["Each"]["ItemProcessor"]["States"]["Do"]
    assert inner["Retry"][0]["MaxAttempts"] == "${train_attempts}"
    assert inner["Comment"] == "train"
    assert written["One"]["Branches"][0]["States"]["Do"] == inner


def test_a_write_is_conditional_on_owning_the_row(workflow: Any) -> None:
    row = {
        "status": "DONE",
        "ended": {"N": "now"},
        "first": {"N": "$x", "Once": True},
        "{% $name %}": "{% $y %}",
        "other": {"S": "DONE", "When": "$z"},
    }
    write = workflow(Write={"Write own row": row}, Done=DONE)["Write"]
    arguments = write["Arguments"]
    assert arguments["ConditionExpression"] == OWNED
    assert arguments["UpdateExpression"] == (
        "{% 'SET status = :status, ended = :ended, first = if_not_exists(first, :first), #4 = :v4'"
        " & ($z ? ', other = :status' : '') %}"
    )
    assert arguments["ExpressionAttributeNames"] == {"#4": "{% $name %}"}
    assert arguments["ExpressionAttributeValues"][":first"] == {"N": "{% $string($x) %}"}
    assert [retry["ErrorEquals"] for retry in write["Retry"]] == [["A"], ["B"]]


def test_a_new_row_may_be_written_where_the_state_says_so(workflow: Any) -> None:
    write = workflow(Write={"Write own or new row": {"status": "FAILED"}}, Done=DONE)["Write"]
    condition = write["Arguments"]["ConditionExpression"]
    assert condition == f"attribute_not_exists(execution_arn) OR {OWNED}"


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        ({"Like": "nothing", "Type": "Pass"}, "Like: nothing: shared.yaml has again, table_una"),
        ({"Comment": "?"}, "Do has no Type"),
        ({"Resource": "r"}, "Do is the last state: it needs a Next or End"),
        ({"Write own row": {"status": 5}, "End": True}, "Do: status cannot be 5"),
        (
            {"Write own row": {"a": {"S": "NO", "When": "$z"}}, "End": True},
            "Do: no attribute is always set to {'S': 'NO'}",
        ),
    ],
)
def test_what_cannot_be_written_out_is_refused_by_name(
    workflow: Any, state: dict[str, Any], problem: str
) -> None:
    with pytest.raises(DefinitionError) as refused:
        workflow(Do=state)
    assert problem in str(refused.value)
