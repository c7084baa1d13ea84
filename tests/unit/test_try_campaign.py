"""Whether a campaign recommends as it should; no AWS."""

from typing import Any

import pytest
import try_campaign
from botocore.exceptions import ClientError, ReadTimeoutError
from plan_types import Canary
from try_campaign import Response, user_ids, verdict

CANARY: Canary = {
    "users_drawn": 20,
    "least_items": 5,
    "largest_share_without": 0.25,
    "latest_seconds": 2.0,
}
GOOD: Response = {"items": 25, "seconds": 0.1, "error": ""}
FEW: Response = {**GOOD, "items": 4}
LATE: Response = {**GOOD, "seconds": 2.5}
REFUSED: Response = {"items": 0, "seconds": 0.1, "error": "ResourceNotFoundException"}


@pytest.mark.parametrize("responses", [[GOOD] * 4, [GOOD] * 3 + [FEW], [GOOD] * 6 + [FEW, LATE]])
def test_a_campaign_passes_while_few_enough_users_go_without(responses: list[Response]) -> None:
    assert verdict(CANARY, responses) == ""


def test_more_users_without_are_told_by_their_reasons() -> None:
    found = verdict(CANARY, [GOOD, GOOD, FEW, FEW, LATE, REFUSED])
    assert found == (
        "4 of 6 users got no usable recommendations (67%, 25% are allowed): "
        "2 × fewer than 5 items; 1 × later than 2 seconds; 1 × ResourceNotFoundException."
    )


@pytest.mark.parametrize(
    ("head", "users"),
    [
        (b"USER_ID,ITEM_ID\nu1,i1\nu2,i2\n", ["u1", "u2"]),
        (b"ITEM_ID,USER_ID\ni1,u1\ni2,u", ["u1"]),  # the last line may be cut
        (b'USER_ID,ITEM_ID\n"u, \\"1\\"",i1\n', ['u, "1"']),
        (b"ITEM_ID\ni1\n", []),
        (b"", []),
    ],
)
def test_users_are_drawn_from_the_whole_lines_of_a_head(head: bytes, users: list[str]) -> None:
    assert list(user_ids(head)) == users


class Runtime:
    """Personalize's runtime, which answers what it is told to."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def get_recommendations(self, **_: Any) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"itemList": [{}] * answer}


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "…"}}, "GetRecommendations")


@pytest.mark.parametrize(
    ("answers", "items", "error"),
    [
        ([25], 25, ""),
        ([refusal("ThrottlingException"), 25], 25, ""),
        ([refusal("ThrottlingException")] * 3, 0, "ThrottlingException"),
        ([refusal("ResourceNotFoundException")], 0, "ResourceNotFoundException"),
        ([ReadTimeoutError(endpoint_url="x")], 0, "ReadTimeoutError"),
    ],
)
def test_a_busy_campaign_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, answers: list[Any], items: int, error: str
) -> None:
    monkeypatch.setattr(try_campaign, "runtime", Runtime(*answers))
    monkeypatch.setattr(try_campaign, "WAITS", 0)
    found = try_campaign.ask("arn:campaign", "u1", lambda: 0.0)
    assert (found["items"], found["error"]) == (items, error)


def test_a_task_that_may_not_ask_says_nothing_about_the_campaign(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(try_campaign, "runtime", Runtime(refusal("AccessDeniedException")))
    with pytest.raises(ClientError):
        try_campaign.ask("arn:campaign", "u1", lambda: 0.0)
