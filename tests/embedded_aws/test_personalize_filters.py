"""Filters: their expressions, and what they leave of recommendations."""

from typing import Any

import pytest

from embedded_aws.services.personalize.filter_expressions import parse
from tests.embedded_aws.personalize_shop import MINUTE, Shop, csv, record, refusal

RECIPES = "arn:aws:personalize:::recipe/aws"
SIMS = f"{RECIPES}-sims"
RANKING = f"{RECIPES}-personalized-ranking-v2"
SHOES = 'INCLUDE ItemID WHERE Items.KIND IN ("shoe")'
ITEMS = record("Items", ITEM_ID="string", KIND="string", PRICE=["null", "float"])
USERS = record("Users", USER_ID="string", AGE="int", LIKES="string")


@pytest.fixture
def group(shop: Shop) -> str:
    """Forty items, half of them shoes, of which each costs its number; user u1 is of age 30."""
    shop.imported(shop.dataset(), "events", shop.put("events.csv", csv()))
    lines = [f"i{n},{'shoe|sale' if n % 2 else 'hat'},{n}" for n in range(39)]
    text = "\n".join(["ITEM_ID,KIND,PRICE", *lines, "i39,shoe,", ""])
    shop.imported(shop.another_dataset("Items", ITEMS), "items", shop.put("items.csv", text))
    text = "USER_ID,AGE,LIKES\nu1,30,shoe\nu2,10,hat\n"
    shop.imported(shop.another_dataset("Users", USERS), "users", shop.put("users.csv", text))
    return shop.arn("dataset-group/shop")


def filter_arn(shop: Shop, expression: str, name: str = "filter") -> str:
    """Create a filter of the shop, ACTIVE; return its ARN."""
    arn: str = shop.personalize.create_filter(
        name=name, datasetGroupArn=shop.arn("dataset-group/shop"), filterExpression=expression
    )["filterArn"]
    shop.wait(MINUTE)
    return arn


def campaign(shop: Shop, recipe: str | None = None) -> str:
    solution = shop.solution(**({"recipe": recipe} if recipe else {}))
    return shop.campaign(shop.trained(solution))


def filtered(shop: Shop, arn: str, expression: str, **request: Any) -> set[int]:
    """Return the numbers of the items that a filter leaves of all recommendations."""
    name = f"f{len(shop.personalize.list_filters()['Filters'])}"
    response = shop.client("personalize-runtime").get_recommendations(
        campaignArn=arn, filterArn=filter_arn(shop, expression, name), **request
    )
    return {int(item["itemId"][1:]) for item in response["itemList"]}


ODD = set(range(1, 40, 2))
ALL = set(range(40))


@pytest.mark.usefixtures("group")
def test_a_filter_leaves_the_items_of_its_conditions(shop: Shop) -> None:
    arn = campaign(shop)
    shop.backend.behaviour.filters = 100
    for expression, left in (
        (SHOES, ODD),
        (SHOES.replace("INCLUDE", "EXCLUDE"), ALL - ODD),
        ('INCLUDE ItemID WHERE Items.KIND NOT IN ("sale", "x")', (ALL - ODD) | {39}),
        ("INCLUDE ItemID WHERE Items.PRICE < 3", {0, 1, 2}),
        ("INCLUDE ItemID WHERE Items.PRICE != 3", ALL - {3, 39}),
        (f"{SHOES} AND Items.PRICE <= 3 OR Items.PRICE = 8", {1, 3, 8}),
        (f"{SHOES} | EXCLUDE ItemID WHERE Items.PRICE > 6", {1, 3, 5, 39}),
        (f"{SHOES} IF CurrentUser.AGE > 18 AND CurrentUser.AGE < 40", ODD),
        (f"{SHOES} IF CurrentUser.AGE > 30", ALL),
        ("INCLUDE ItemID WHERE Items.KIND IN CurrentUser.LIKES", ODD),
    ):
        assert filtered(shop, arn, expression, userId="u1", numResults=100) == left, expression
    assert filtered(shop, arn, SHOES, userId="u1", numResults=5) < ODD


@pytest.mark.usefixtures("group")
def test_a_filter_knows_what_the_user_did(shop: Shop) -> None:
    arn = campaign(shop)
    had = filtered(
        shop, arn, 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("VIEW")', userId="u1"
    )
    assert 0 < len(had) < 40
    seen = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'
    assert filtered(shop, arn, seen, userId="u1", numResults=100) == ALL - had
    clicked = 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
    assert filtered(shop, arn, clicked, userId="u1") == set()
    tracker = shop.personalize.create_event_tracker(
        name="t", datasetGroupArn=shop.arn("dataset-group/shop")
    )["trackingId"]
    shop.wait(MINUTE)
    click = {"eventType": "click", "sentAt": 1_600_000_000, "itemId": "i5"}
    shop.client("personalize-events").put_events(
        trackingId=tracker, sessionId="s", userId="u1", eventList=[click]
    )
    assert filtered(shop, arn, clicked, userId="u1") == {5}


@pytest.mark.usefixtures("group")
def test_placeholders_get_their_values_in_the_request(shop: Shop) -> None:
    arn, runtime = campaign(shop), shop.client("personalize-runtime")
    includes = filter_arn(shop, "INCLUDE ItemID WHERE Items.KIND IN ($KIND, $MORE)")
    request = {"campaignArn": arn, "userId": "u1", "numResults": 100, "filterArn": includes}

    def left(**values: str) -> set[int]:
        found = runtime.get_recommendations(**request, filterValues=values)["itemList"]
        return {int(item["itemId"][1:]) for item in found}

    assert left(KIND='"shoe"', MORE='"x","y"') == ODD
    assert left(KIND='"shoe","hat"', MORE='"x"') == ALL
    call = runtime.get_recommendations
    for values, why in (
        ({"KIND": '"shoe"'}, "must have a value for MORE"),
        ({"KIND": '"shoe"', "MORE": '"x"', "EXTRA": "1"}, "no placeholder EXTRA"),
        ({"KIND": "shoe", "MORE": '"x"'}, "not shoe"),
        ({"KIND": "1", "MORE": '"x"'}, "does not fit KIND"),
    ):
        code, message = refusal(call, **request, filterValues=values)
        assert (code, why in message) == ("InvalidInputException", True), message
    # What is to be excluded can be left open.
    excludes = "EXCLUDE ItemID WHERE Items.KIND IN ($KIND) AND Items.PRICE >= $LEAST"
    request["filterArn"] = filter_arn(shop, excludes, "excludes")
    assert left() == ALL
    assert left(LEAST="3") == {0, 1, 2, 39}
    assert left(LEAST="3", KIND='"shoe"') == ALL - ODD | {1, 39}


@pytest.mark.usefixtures("group")
def test_related_items_are_compared_with_the_current_one(shop: Shop) -> None:
    cheaper = "INCLUDE ItemID WHERE Items.PRICE < CurrentItem.PRICE"
    same = f"{cheaper} AND Items.KIND IN CurrentItem.KIND"
    arn = campaign(shop, SIMS)
    assert filtered(shop, arn, same, itemId="i5", numResults=100) == {1, 3}
    other = shop.campaign(shop.trained(shop.solution("hrnn")), "hrnn")
    refused = refusal(
        shop.client("personalize-runtime").get_recommendations,
        campaignArn=other,
        userId="u1",
        itemId="i5",
        filterArn=filter_arn(shop, same, "again"),
    )
    assert refused[0] == "InvalidInputException"


@pytest.mark.usefixtures("group")
def test_a_ranking_has_only_what_the_filter_keeps(shop: Shop) -> None:
    response = shop.client("personalize-runtime").get_personalized_ranking(
        campaignArn=campaign(shop, RANKING),
        userId="u1",
        inputList=["i1", "i2", "i3", "unknown"],
        filterArn=filter_arn(shop, SHOES),
    )
    assert {item["itemId"] for item in response["personalizedRanking"]} == {"i1", "i3"}


def test_actions_are_filtered_by_action_id(shop: Shop) -> None:
    shop.imported(shop.dataset(), "events", shop.put("events.csv", csv()))
    actions = shop.another_dataset("Actions", record("Actions", ACTION_ID="string", KIND="string"))
    text = "ACTION_ID,KIND\napp,install\nclub,join\n"
    shop.imported(actions, "actions", shop.put("actions.csv", text))
    arn = campaign(shop, f"{RECIPES}-next-best-action")
    call = shop.client("personalize-runtime").get_action_recommendations
    joins = filter_arn(shop, 'INCLUDE ActionID WHERE Actions.KIND IN ("join")')
    response = call(campaignArn=arn, userId="u1", filterArn=joins)
    assert [action["actionId"] for action in response["actionList"]] == ["club"]
    items = filter_arn(shop, 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("x")', "items")
    wrong = refusal(call, campaignArn=arn, userId="u1", filterArn=items)
    assert wrong[0] == "InvalidInputException"


@pytest.mark.usefixtures("group")
def test_a_filter_is_used_once_it_is_active_and_by_its_own_group(shop: Shop) -> None:
    arn, call = campaign(shop), shop.client("personalize-runtime").get_recommendations
    group = {"datasetGroupArn": shop.arn("dataset-group/shop")}
    made = shop.personalize.create_filter(name="shoes", filterExpression=SHOES, **group)
    request = {"campaignArn": arn, "userId": "u1", "filterArn": made["filterArn"]}
    assert refusal(call, **request)[0] == "ResourceNotFoundException"
    described = shop.personalize.describe_filter(filterArn=made["filterArn"])["filter"]
    assert (described["status"], described["filterExpression"]) == ("CREATE PENDING", SHOES)
    again = refusal(shop.personalize.create_filter, name="shoes", filterExpression=SHOES, **group)
    assert again[0] == "ResourceAlreadyExistsException"
    shop.wait(MINUTE)
    assert len(call(**request)["itemList"]) == 20
    shop.dataset(group="other")
    other = shop.personalize.create_filter(
        name="other",
        datasetGroupArn=shop.arn("dataset-group/other"),
        filterExpression='EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("view")',
    )
    shop.wait(MINUTE)
    elsewhere = refusal(call, **request | {"filterArn": other["filterArn"]})
    assert elsewhere[0] == "InvalidInputException"
    shop.personalize.delete_filter(filterArn=made["filterArn"])
    shop.wait(MINUTE)
    assert refusal(call, **request)[0] == "ResourceNotFoundException"


def test_there_are_ten_filters(shop: Shop) -> None:
    shop.dataset()
    seen = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("view")'
    for n in range(10):
        filter_arn(shop, seen, f"filter{n}")
    group = shop.arn("dataset-group/shop")
    more = {"name": "more", "datasetGroupArn": group, "filterExpression": seen}
    assert refusal(shop.personalize.create_filter, **more)[0] == "LimitExceededException"


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("DROP ItemID", "INCLUDE or EXCLUDE is expected, and not DROP"),
        ("INCLUDE Items", "ItemID, ActionID or UserID is expected"),
        ("INCLUDE ItemID", "WHERE is expected, and not the end"),
        ("INCLUDE ItemID WHERE KIND = 1", "a field of ITEMS or INTERACTIONS is expected"),
        ('INCLUDE ItemID WHERE Items.KIND "x"', "IN is expected"),
        ('INCLUDE ItemID WHERE Items.KIND IN "x"', "must be in parentheses"),
        ("INCLUDE ItemID WHERE Items.KIND IN ('x')", "a value is expected, and not '"),
        ('INCLUDE ItemID WHERE Items.KIND IN ("x"', ") is expected"),
        (f"{SHOES} AND Interactions.EVENT_TYPE IN ('*')", "a value is expected"),
        (f'{SHOES} AND Interactions.EVENT_TYPE IN ("*")', "must be of the same dataset"),
        (f"{SHOES} IF Items.PRICE > 3", "a field of CurrentUser is expected"),
        (f"{SHOES} IF CurrentUser.AGE > 3 OR CurrentUser.AGE < 2", "OR is not expected"),
        (f"{SHOES} IF CurrentUser.AGE > 3 AND Items.PRICE > 2", "a field of CurrentUser"),
        (f"({SHOES})", "INCLUDE or EXCLUDE is expected, and not ("),
        (SHOES.lower(), "INCLUDE or EXCLUDE is expected, and not include"),
        ("INCLUDE ActionID WHERE Items.KIND IN ($X)", "a field of ACTIONS or ACTIONINTERACTIONS"),
        ('INCLUDE ItemID WHERE Items.KIND IN ("*")', "* stands for all event types only"),
        ('INCLUDE ItemID WHERE Items.PRICE > "x"', "other operators numbers"),
        ("INCLUDE ItemID WHERE Items.KIND IN (3)", "IN compares strings"),
        ("INCLUDE ItemID WHERE Items.KIND NOT IN ($X)", "NOT IN cannot have a placeholder"),
        ("INCLUDE ItemID WHERE Items.PRICE IN ($X)", "Operator IN does not fit PRICE"),
        ("INCLUDE ItemID WHERE Items.COLOUR IN ($X)", "Dataset ITEMS has no field COLOUR"),
        (f"{SHOES} IF CurrentUser.HEIGHT > 3", "Dataset USERS has no field HEIGHT"),
    ],
)
def test_an_expression_must_be_of_the_documented_form(
    shop: Shop, expression: str, why: str
) -> None:
    shop.dataset()
    shop.another_dataset("Items", ITEMS)
    shop.another_dataset("Users", USERS)
    group = shop.arn("dataset-group/shop")
    code, message = refusal(
        shop.personalize.create_filter,
        name="f",
        datasetGroupArn=group,
        filterExpression=expression,
    )
    assert (code, why in message) == ("InvalidInputException", True), message


def test_what_aws_does_not_document_about_filters_is_configurable(shop: Shop) -> None:
    shop.dataset()
    behaviour = shop.backend.behaviour
    behaviour.filter_keywords = "any case"
    behaviour.placeholders_with_not_in = "accepted"
    behaviour.filter_of_unknown_field = "failed"
    written = "include ItemID where Items.KIND not in ($KIND)"
    made = filter_arn(shop, written)
    described = shop.personalize.describe_filter(filterArn=made)["filter"]
    assert described["status"] == "CREATE FAILED"
    assert "has no dataset ITEMS" in described["failureReason"]
    shop.personalize.delete_filter(filterArn=made)
    assert parse(written, any_case=True) == parse("INCLUDE ItemID WHERE Items.KIND NOT IN ($KIND)")
