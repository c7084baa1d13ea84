"""What becomes of an account's dataset groups: decisions on what Describe calls return."""

from typing import Any

from ops.adopt.account import Group, Solution
from ops.adopt.draft import Draft, Note
from ops.adopt.groups import draft_of

ARN = "arn:aws:personalize:eu-west-1:111122223333"
ROLE = "arn:aws:iam::111122223333:role/import"


def imported(place: str = "s3://shop/interactions/", **changes: Any) -> dict[str, Any]:
    return {"status": "ACTIVE", "dataSource": {"dataLocation": place}, "roleArn": ROLE} | changes


def solution(recipe: str = "aws-similar-items", *, served: bool = True, **changes: Any) -> Solution:
    arn = f"{ARN}:solution/alike"
    campaign = {
        "name": "page",
        "campaignArn": f"{ARN}:campaign/page",
        "status": "ACTIVE",
        "solutionVersionArn": f"{arn}/1",
    }
    described = {
        "name": "alike",
        "solutionArn": arn,
        "status": "ACTIVE",
        "datasetGroupArn": f"{ARN}:dataset-group/shop",
        "recipeArn": f"arn:aws:personalize:::recipe/{recipe}",
    }
    return Solution(described=described | changes, campaigns=[campaign] if served else [])


def draft(
    *solutions: Solution,
    imports: dict[str, list[dict[str, Any]]] | None = None,
    places: dict[str, str] | None = None,
    recommenders: tuple[str, ...] = (),
    **changes: Any,
) -> Draft:
    described = {
        "name": "shop",
        "datasetGroupArn": f"{ARN}:dataset-group/shop",
        "status": "ACTIVE",
    }
    group = Group(
        described=described | changes,
        imports={"INTERACTIONS": [imported()]} if imports is None else imports,
        solutions=list(solutions),
        recommenders=list(recommenders),
    )
    return draft_of([group], places or {})


def only_note(found: Draft) -> Note:
    (note,) = found.notes
    return note


def test_a_group_that_is_as_it_should_be_needs_nobody() -> None:
    found = draft(solution())
    assert found.notes == []
    (refresh,) = found.refreshes
    assert refresh["campaigns"] == [
        {"name": "page", "solution": "alike", "training_mode": "FULL"},
    ]
    assert found.roles == [ROLE]


def test_a_folder_gets_its_slash() -> None:
    (refresh,) = draft(
        solution(), imports={"INTERACTIONS": [imported("s3://shop/interactions")]}
    ).refreshes
    assert refresh["datasets"][0]["location"] == "s3://shop/interactions/"


def test_datasets_stand_in_the_order_of_their_types() -> None:
    kinds = {kind: [imported(f"s3://shop/{kind}/")] for kind in ("USERS", "ITEMS", "INTERACTIONS")}
    (refresh,) = draft(solution(), imports=kinds).refreshes
    assert [each["type"] for each in refresh["datasets"]] == ["INTERACTIONS", "ITEMS", "USERS"]


def test_a_dataset_that_was_never_imported_is_left_out_and_named() -> None:
    found = draft(solution(), imports={"INTERACTIONS": [imported()], "USERS": []})
    assert len(found.refreshes[0]["datasets"]) == 1
    note = only_note(found)
    assert (note["level"], note["where"]) == ("NOT ADOPTED", f"{ARN}:dataset/shop/USERS")
    assert "--location USERS=s3://bucket/folder/" in note["do"]


def test_a_given_location_is_taken_for_a_dataset_that_was_never_imported() -> None:
    found = draft(
        solution(), imports={"INTERACTIONS": []}, places={"INTERACTIONS": "s3://shop/new/"}
    )
    assert found.notes == []
    assert found.refreshes[0]["datasets"][0]["location"] == "s3://shop/new/"


def test_a_place_that_the_settings_cannot_have_is_named() -> None:
    found = draft(solution(), imports={"INTERACTIONS": [imported("https://shop/data.csv")]})
    assert found.refreshes == []
    assert "https://shop/data.csv, which is neither a folder nor" in found.notes[0]["what"]


def test_a_place_of_a_failed_import_is_to_be_checked() -> None:
    failed = imported(status="CREATE FAILED", failureReason="no such key")
    note = only_note(draft(solution(), imports={"INTERACTIONS": [failed]}))
    assert (note["level"], note["where"]) == ("FILL IN", "refreshes[0].datasets[0].location")
    assert note["do"] == "no such key"


def test_a_place_that_names_a_day_is_to_be_checked() -> None:
    dated = imported("s3://shop/dt=2026-09-28/")
    note = only_note(draft(solution(), imports={"INTERACTIONS": [dated]}))
    assert note["level"] == "FILL IN"
    assert "the next delivery may lie elsewhere" in note["what"]


def test_a_place_that_was_another_one_before_is_to_be_checked() -> None:
    note = only_note(
        draft(solution(), imports={"INTERACTIONS": [imported(), imported("s3://shop/old/")]})
    )
    assert "the one before from s3://shop/old/" in note["what"]


def test_an_incremental_import_stays_one() -> None:
    found = draft(solution(), imports={"INTERACTIONS": [imported(importMode="INCREMENTAL")]})
    assert found.refreshes[0]["datasets"][0]["import_mode"] == "INCREMENTAL"


def test_a_group_that_is_not_active_is_left_out_with_its_reason() -> None:
    found = draft(solution(), status="CREATE FAILED", failureReason="no access to the key")
    assert found.refreshes == []
    assert only_note(found)["do"] == "no access to the key"


def test_recommenders_are_adopted_beside_campaigns_or_alone() -> None:
    both = draft(solution(), recommenders=("top",))
    assert both.refreshes[0]["campaigns"][1:] == [{"recommender": "top"}]
    assert only_note(both)["where"] == "refreshes[0].campaigns[1]"
    assert draft(recommenders=("top",)).refreshes[0]["campaigns"] == [{"recommender": "top"}]


def test_a_solution_for_segments_needs_no_campaign() -> None:
    found = draft(solution(), solution("aws-item-affinity", served=False))
    assert only_note(found)["level"] == "NOTE"


def test_a_legacy_recipe_is_named_with_its_successor() -> None:
    note = only_note(draft(solution("aws-hrnn")))
    assert (note["level"], "aws-user-personalization-v2" in note["what"]) == ("NOTE", True)


def test_a_last_training_of_mode_update_is_named() -> None:
    note = only_note(draft(solution(latestSolutionVersion={"trainingMode": "UPDATE"})))
    assert "the last training had the mode UPDATE" in note["what"]


def test_a_solution_that_trains_by_itself_is_named_once_for_all_its_campaigns() -> None:
    one = solution(performAutoTraining=True)
    other = one.campaigns[0] | {"name": "mail", "campaignArn": f"{ARN}:campaign/mail"}
    found = draft(Solution(described=one.described, campaigns=[*one.campaigns, other]))
    note = only_note(found)
    assert (note["level"], note["where"]) == ("CHANGE", "refreshes[0].campaigns[0]")
    assert "--no-perform-auto-training" in note["do"]
