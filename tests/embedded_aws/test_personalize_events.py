"""Event trackers, and records that are put one by one: events, items, users and actions."""

import json
from typing import Any

import pytest

from tests.embedded_aws.personalize_shop import (
    HRNN,
    MINUTE,
    USER_PERSONALIZATION,
    Shop,
    csv,
    record,
    refusal,
)

HOUR = 60 * MINUTE
RECIPES = "arn:aws:personalize:::recipe/aws"
V2 = f"{RECIPES}-user-personalization-v2"


def tracker(shop: Shop, group: str = "shop") -> str:
    """Create a group's event tracker, ACTIVE; return its tracking ID."""
    arn = shop.arn(f"dataset-group/{group}")
    made = shop.personalize.create_event_tracker(name=f"{group}-tracker", datasetGroupArn=arn)
    shop.wait(MINUTE)
    tracking_id: str = made["trackingId"]
    return tracking_id


def event(item: str, at: float = 1_600_000_000, **more: Any) -> dict[str, Any]:
    return {"eventType": "view", "sentAt": at, "itemId": item} | more


def put(shop: Shop, tracking_id: str, user: str | None, *items: str, session: str = "s") -> None:
    known = {"userId": user} if user else {}
    shop.client("personalize-events").put_events(
        trackingId=tracking_id, sessionId=session, eventList=[event(i) for i in items], **known
    )


def deployed(shop: Shop, recipe: str, **campaign: Any) -> str:
    """Train on forty items, and deploy."""
    shop.imported(shop.dataset(), "first", shop.put("first.csv", csv()))
    return shop.campaign(shop.trained(shop.solution(recipe=recipe)), **campaign)


def test_a_group_has_one_event_tracker_with_an_id_of_its_own(shop: Shop) -> None:
    shop.dataset()
    group = shop.arn("dataset-group/shop")
    create = shop.personalize.create_event_tracker
    made = create(name="clicks", datasetGroupArn=group)
    assert made["eventTrackerArn"] == shop.arn("event-tracker/clicks")
    described = shop.personalize.describe_event_tracker(eventTrackerArn=made["eventTrackerArn"])[
        "eventTracker"
    ]
    assert described["trackingId"] == made["trackingId"]
    assert (described["status"], described["accountId"]) == ("CREATE PENDING", shop.cloud.account)
    assert refusal(create, name="more", datasetGroupArn=group) == (
        "ResourceAlreadyExistsException",
        f"Another event tracker already exists for dataset group {group}.",
    )
    listed = shop.personalize.list_event_trackers(datasetGroupArn=group)["eventTrackers"]
    assert [one["name"] for one in listed] == ["clicks"]
    delete = shop.personalize.delete_event_tracker
    arn = made["eventTrackerArn"]
    assert refusal(delete, eventTrackerArn=arn)[0] == "ResourceInUseException"
    shop.wait(MINUTE)
    delete(eventTrackerArn=arn)
    shop.wait(MINUTE)
    assert create(name="more", datasetGroupArn=group)["trackingId"] != made["trackingId"]


def test_events_need_an_active_tracker(shop: Shop) -> None:
    shop.dataset()
    call = shop.client("personalize-events").put_events
    request = {"sessionId": "s", "userId": "u1", "eventList": [event("i1")]}
    assert refusal(call, trackingId="none", **request)[0] == "InvalidInputException"
    made = shop.personalize.create_event_tracker(
        name="clicks", datasetGroupArn=shop.arn("dataset-group/shop")
    )
    assert refusal(call, trackingId=made["trackingId"], **request)[0] == "InvalidInputException"
    shop.wait(MINUTE)
    call(trackingId=made["trackingId"], **request)


def test_a_call_takes_ten_records_of_the_schema_s_fields(shop: Shop) -> None:
    shop.dataset()
    call, of = shop.client("personalize-events").put_events, {"trackingId": tracker(shop)}
    of |= {"sessionId": "s", "userId": "u1"}
    eleven = refusal(call, eventList=[event("i1")] * 11, **of)
    assert eleven[0] == "ValidationException"
    assert "length less than or equal to 10" in eleven[1]
    for wrong, why in (
        ("{", "properties must be a JSON object"),
        ("[]", "properties must be a JSON object"),
        ('{"unitPrice": 1}', "no field UNIT_PRICE"),
    ):
        code, message = refusal(call, eventList=[event("i1", properties=wrong)], **of)
        assert (code, why in message) == ("InvalidInputException", True), message
    without = {"eventType": "view", "sentAt": 1_600_000_000}
    assert "no value for ITEM_ID" in refusal(call, eventList=[without], **of)[1]
    shop.backend.behaviour.properties_that_do_not_fit = "ignored"
    call(eventList=[event("i1", properties='{"unitPrice": 1}')], **of)


def test_events_are_trained_on_and_a_full_import_keeps_them(shop: Shop) -> None:
    shop.imported(shop.dataset(), "first", shop.put("first.csv", csv()))
    put(shop, tracker(shop), "u1", "i100")
    dataset = shop.arn("dataset/shop/INTERACTIONS")
    shop.imported(dataset, "second", shop.put("second.csv", csv(first=10)))
    campaign = shop.campaign(shop.trained(shop.solution()))
    recommended = shop.recommended(campaign, "unknown", 500)
    assert "i100" in recommended
    assert "i0" not in recommended


def test_a_training_is_possible_on_events_alone(shop: Shop) -> None:
    shop.dataset()
    id_ = tracker(shop)
    client = shop.client("personalize-events")
    for n in range(0, 1000, 10):
        events = [event(f"i{(n + k) // 10 % 9 + k}", 1_600_000_000 + n + k) for k in range(10)]
        client.put_events(
            trackingId=id_, sessionId=f"s{n}", userId=f"u{n // 10 % 30}", eventList=events
        )
    assert shop.version(shop.trained(shop.solution()))["status"] == "ACTIVE"


def test_a_session_s_events_belong_to_the_user_who_is_named_later(shop: Shop) -> None:
    shop.imported(shop.dataset(), "first", shop.put("first.csv", csv()))
    id_ = tracker(shop)
    put(shop, id_, None, "i100", session="a")
    put(shop, id_, None, "i200", session="b")
    put(shop, id_, "new", "i1", session="b")
    campaign = shop.campaign(shop.trained(shop.solution()))
    recommended = shop.recommended(campaign, "new", 500)
    assert "i200" in recommended
    assert "i100" not in recommended
    assert set(recommended[-2:]) == {"i1", "i200"}  # what the user had comes last


@pytest.mark.parametrize("recipe", [HRNN, USER_PERSONALIZATION, V2])
def test_an_event_changes_what_its_user_is_recommended_at_once(shop: Shop, recipe: str) -> None:
    campaign = deployed(shop, recipe)
    before = shop.recommended(campaign, "unknown")
    put(shop, tracker(shop), "unknown", before[0])
    after = shop.recommended(campaign, "unknown")
    assert before[0] not in after
    assert shop.recommended(campaign, "another") == before


@pytest.mark.parametrize(
    ("recipe", "takes_in"), [(HRNN, False), (USER_PERSONALIZATION, True), (V2, True)]
)
def test_new_items_are_recommended_two_hours_later_by_recipes_that_update_themselves(
    shop: Shop, recipe: str, takes_in: bool
) -> None:
    campaign = deployed(shop, recipe)
    id_ = tracker(shop)
    shop.wait(HOUR)
    put(shop, id_, "u1", "i100")
    assert "i100" not in shop.recommended(campaign, "u2")
    shop.wait(HOUR / 2)
    assert "i100" not in shop.recommended(campaign, "u2")
    shop.wait(HOUR / 2)
    assert ("i100" in shop.recommended(campaign, "u2")) == takes_in
    shop.wait(24 * HOUR)
    assert ("i100" in shop.recommended(campaign, "u2")) == takes_in


def test_items_of_the_catalogue_are_explored_by_their_weight_and_age(shop: Shop) -> None:
    campaign = deployed(shop, V2)
    schema = record("Items", ITEM_ID="string", KIND="string", CREATION_TIMESTAMP="long")
    items, now = shop.another_dataset("Items", schema), int(shop.cloud.clock.time())
    lines = [f"new{n},shoe,{now}" for n in range(20)] + [f"old,shoe,{now - 40 * 24 * 3600}"]
    shop.imported(
        items,
        "items",
        shop.put("items.csv", "\n".join(["ITEM_ID,KIND,CREATION_TIMESTAMP", *lines, ""])),
    )
    shop.client("personalize-events").put_items(
        datasetArn=items,
        items=[
            {"itemId": "put", "properties": f'{{"kind": "hat", "creationTimestamp": {now + 9}}}'}
        ],
    )
    shop.wait(3 * HOUR)
    recommended = shop.recommended(campaign, "u1", 10)
    assert next(item for item in recommended if not item.startswith("i")) == "put"
    assert sum(item.startswith("new") for item in recommended) == 2  # three tenths of ten, with it
    assert "old" not in recommended
    explore = {"explorationWeight": "0"}
    shop.personalize.update_campaign(
        campaignArn=campaign, campaignConfig={"itemExplorationConfig": explore}
    )
    shop.wait(3 * HOUR)
    assert all(item.startswith("i") for item in shop.recommended(campaign, "u1", 10))


def test_update_training_ends_the_automatic_updates(shop: Shop) -> None:
    campaign = deployed(shop, USER_PERSONALIZATION)
    solution = shop.arn("solution/solution")
    updated = shop.trained(solution, trainingMode="UPDATE")
    put(shop, tracker(shop), "u1", "i100")
    shop.wait(3 * HOUR)
    assert "i100" not in shop.recommended(campaign, "u2")
    shop.personalize.update_campaign(campaignArn=campaign, solutionVersionArn=updated)
    shop.wait(3 * HOUR)
    assert "i100" not in shop.recommended(campaign, "u2")


def test_items_and_users_are_put_into_the_dataset_of_their_type(shop: Shop) -> None:
    shop.dataset()
    items = shop.another_dataset("Items", record("Items", ITEM_ID="string", PRICE="float"))
    client = shop.client("personalize-events")
    item = {"itemId": "i1", "properties": '{"price": 2}'}
    assert refusal(client.put_users, datasetArn=items, users=[{"userId": "u1"}])[0] == (
        "InvalidInputException"
    )
    none = {"datasetArn": items.replace("ITEMS", "USERS")}
    assert refusal(client.put_items, items=[item], **none)[0] == "ResourceNotFoundException"
    wrong = {"itemId": "i1", "properties": '{"price": "cheap"}'}
    assert refusal(client.put_items, datasetArn=items, items=[wrong]) == (
        "InvalidInputException",
        "Field PRICE must be of type float: cheap",
    )
    missing = refusal(client.put_items, datasetArn=items, items=[{"itemId": "i1"}])
    assert missing == ("InvalidInputException", "The record has no value for PRICE.")
    client.put_items(datasetArn=items, items=[item])
    users = shop.another_dataset("Users", record("Users", USER_ID="string", AGE="int"))
    client.put_users(datasetArn=users, users=[{"userId": "u1", "properties": '{"AGE": 30}'}])


def test_actions_and_their_interactions_are_trained_on(shop: Shop) -> None:
    shop.imported(shop.dataset(), "first", shop.put("first.csv", csv()))
    columns = {"ACTION_ID": "string", "TIMESTAMP": "long", "EVENT_TYPE": "string"}
    events = shop.another_dataset(
        "Action_Interactions", record("ActionInteractions", USER_ID="string", **columns)
    )
    actions = shop.another_dataset("Actions", record("Actions", ACTION_ID="string", KIND="string"))
    client = shop.client("personalize-events")
    names = ("loyalty", "app")
    put_actions = [{"actionId": name, "properties": json.dumps({"kind": "x"})} for name in names]
    client.put_actions(datasetArn=actions, actions=put_actions)
    id_ = shop.personalize.describe_dataset(datasetArn=events)["dataset"]["trackingId"]
    taken = {"actionId": "app", "sessionId": "s", "timestamp": 1_600_000_000, "userId": "u1"}
    call = client.put_action_interactions
    for kind in ("Taken", "Not Taken", "Viewed"):
        call(trackingId=id_, actionInteractions=[taken | {"eventType": kind}])
    wrong = refusal(call, trackingId=id_, actionInteractions=[taken | {"eventType": "Clicked"}])
    assert wrong[0] == "InvalidInputException"
    unknown = refusal(call, trackingId="x", actionInteractions=[taken | {"eventType": "Taken"}])
    assert unknown[0] == "ResourceNotFoundException"
    solution = shop.solution(recipe=f"{RECIPES}-next-best-action")
    campaign = shop.campaign(shop.trained(solution))
    response = shop.client("personalize-runtime").get_action_recommendations(
        campaignArn=campaign, userId="u2"
    )
    assert {one["actionId"] for one in response["actionList"]} == set(names)
