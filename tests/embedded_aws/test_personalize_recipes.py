"""The newer recipes: what each needs, and what it allows."""

from typing import Any

import pytest

from tests.embedded_aws.personalize_shop import HRNN, MINUTE, Shop, csv, record, refusal

RECIPES = "arn:aws:personalize:::recipe/aws"
SEMANTIC = f"{RECIPES}-semantic-similarity"
HOUR = 60 * MINUTE
NAME = {"type": "string", "itemName": True}
TEXT = {"type": "string", "textual": True}
BOOKS = record("Items", ITEM_ID="string", TITLE=NAME, ABOUT=TEXT)
CATALOGUE = """ITEM_ID,TITLE,ABOUT
b1,Whales,"the sea, and a white whale"
b2,Boats,the sea and a boat
b3,Bread,flour water salt
"""


@pytest.fixture
def items(shop: Shop) -> str:
    """Three books, and no interactions."""
    shop.personalize.create_dataset_group(name="shop")
    shop.wait(MINUTE)
    arn = shop.another_dataset("Items", BOOKS)
    assert shop.imported(arn, "books", shop.put("books.csv", CATALOGUE))["status"] == "ACTIVE"
    return arn


def similar(shop: Shop, campaign: str, item: str) -> list[str]:
    response = shop.client("personalize-runtime").get_recommendations(
        campaignArn=campaign, itemId=item
    )
    return [each["itemId"] for each in response["itemList"]]


def add_book(shop: Shop, items: str) -> None:
    book = {"itemId": "b4", "properties": '{"title": "Whale", "about": "a white whale"}'}
    shop.client("personalize-events").put_items(datasetArn=items, items=[book])


@pytest.mark.usefixtures("items")
def test_semantic_similarity_compares_texts_without_interactions(shop: Shop) -> None:
    solution = shop.solution(recipe=SEMANTIC)
    described = shop.personalize.describe_solution(solutionArn=solution)["solution"]
    assert described["performIncrementalUpdate"] is True
    campaign = shop.campaign(shop.trained(solution))
    assert similar(shop, campaign, "b1") == ["b2", "b3"]
    assert similar(shop, campaign, "unknown") == []
    call = shop.client("personalize-runtime").get_recommendations
    assert refusal(call, campaignArn=campaign, userId="u1")[0] == "InvalidInputException"


@pytest.mark.parametrize("incremental", [True, False])
def test_new_items_are_similar_half_an_hour_later_with_incremental_updates(
    shop: Shop, items: str, incremental: bool
) -> None:
    solution = shop.solution(recipe=SEMANTIC, performIncrementalUpdate=incremental)
    campaign = shop.campaign(shop.trained(solution))
    add_book(shop, items)
    assert "b4" not in similar(shop, campaign, "b1")
    shop.wait(40 * MINUTE)
    assert ("b4" in similar(shop, campaign, "b1")) == incremental
    shop.personalize.update_solution(solutionArn=solution, performIncrementalUpdate=True)
    shop.wait(MINUTE)
    assert similar(shop, campaign, "b1")[0] == "b4"


@pytest.mark.usefixtures("items")
def test_only_semantic_similarity_has_incremental_updates(shop: Shop) -> None:
    group = shop.arn("dataset-group/shop")
    create, update = shop.personalize.create_solution, shop.personalize.update_solution
    request: Any = {"name": "x", "datasetGroupArn": group, "recipeArn": HRNN}
    why = "performIncrementalUpdate needs the recipe aws-semantic-similarity."
    assert refusal(create, performIncrementalUpdate=True, **request)[1] == why
    create(performIncrementalUpdate=False, **request)
    shop.wait(MINUTE)
    arn = shop.arn("solution/x")
    assert refusal(update, solutionArn=arn, performIncrementalUpdate=True)[1] == why
    shop.backend.behaviour.other_incremental_updates = "accepted"
    update(solutionArn=arn, performIncrementalUpdate=True)


def test_semantic_similarity_needs_names_and_texts(shop: Shop) -> None:
    shop.personalize.create_dataset_group(name="shop")
    shop.wait(MINUTE)
    solution, create = shop.solution(recipe=SEMANTIC), shop.personalize.create_solution_version
    code, message = refusal(create, solutionArn=solution)
    assert (code, "of type ITEMS" in message) == ("InvalidInputException", True)
    shop.another_dataset("Items", record("Items", ITEM_ID="string", ABOUT=TEXT))
    assert refusal(create, solutionArn=solution) == (
        "InvalidInputException",
        f"Dataset {shop.arn('dataset/shop/ITEMS')} needs an itemName field and a textual field.",
    )
    number = record("Items", ITEM_ID="string", TITLE={"type": "int", "itemName": True})
    wrong = refusal(shop.personalize.create_schema, name="number", schema=number)
    assert "TITLE is itemName and must be of type string" in wrong[1]


def test_a_solution_version_without_items_fails(shop: Shop) -> None:
    shop.personalize.create_dataset_group(name="shop")
    shop.wait(MINUTE)
    shop.another_dataset("Items", BOOKS)
    version = shop.version(shop.trained(shop.solution(recipe=SEMANTIC)))
    assert version["failureReason"] == "Dataset ITEMS has no data."


def test_a_new_solution_may_have_no_legacy_recipe(shop: Shop) -> None:
    shop.imported(shop.dataset(), "first", shop.put("first.csv", csv()))
    before = shop.solution("before", recipe=f"{RECIPES}-hrnn")
    shop.backend.behaviour.new_hrnn_solutions = "refused"
    for name in ("hrnn", "hrnn-metadata", "hrnn-coldstart"):
        recipe = f"{RECIPES}-{name}"
        assert refusal(shop.solution, name=name, recipe=recipe) == (
            "ResourceNotFoundException",
            f"Resource Arn {recipe} does not exist.",
        )
    assert shop.version(shop.trained(before))["status"] == "ACTIVE"


@pytest.mark.parametrize("name", ["item-affinity", "item-attribute-affinity"])
def test_recipes_of_user_segments_are_trained_and_not_deployed(shop: Shop, name: str) -> None:
    shop.imported(shop.dataset(), "first", shop.put("first.csv", csv()))
    recipe = f"{RECIPES}-{name}"
    described = shop.personalize.describe_recipe(recipeArn=recipe)["recipe"]
    assert described["recipeType"] == "USER_SEGMENTATION"
    solution = shop.solution(recipe=recipe)
    if name == "item-attribute-affinity":
        create = shop.personalize.create_solution_version
        assert "of type ITEMS" in refusal(create, solutionArn=solution)[1]
        shop.another_dataset("Items", record("Items", ITEM_ID="string", KIND="string"))
    version = shop.trained(solution)
    assert shop.version(version)["status"] == "ACTIVE"
    deploy = shop.personalize.create_campaign
    assert refusal(deploy, name="c", solutionVersionArn=version) == (
        "InvalidInputException",
        f"Recipe {recipe} is for batch segment jobs, and not for campaigns.",
    )


def test_item_attribute_affinity_needs_a_field_that_is_not_textual(shop: Shop) -> None:
    shop.imported(shop.dataset(), "first", shop.put("first.csv", csv()))
    shop.another_dataset("Items", BOOKS.replace("itemName", "textual_").replace("TITLE", "ABOVE"))
    solution = shop.solution(recipe=f"{RECIPES}-item-attribute-affinity")
    shop.trained(solution)
    schema = record("Items", ITEM_ID="string", ABOUT=TEXT)
    shop.dataset(group="other")
    shop.another_dataset("Items", schema, "other")
    made = shop.personalize.create_solution(
        name="other",
        datasetGroupArn=shop.arn("dataset-group/other"),
        recipeArn=f"{RECIPES}-item-attribute-affinity",
        performAutoTraining=False,
    )
    shop.wait(MINUTE)
    refused = refusal(shop.personalize.create_solution_version, solutionArn=made["solutionArn"])
    assert "needs a metadata field that is not textual" in refused[1]


@pytest.mark.parametrize("name", ["user-personalization-v2", "personalized-ranking-v2", "hrnn"])
def test_update_training_is_for_user_personalization_alone(shop: Shop, name: str) -> None:
    shop.imported(shop.dataset(), "first", shop.put("first.csv", csv()))
    solution = shop.solution(recipe=f"{RECIPES}-{name}")
    shop.trained(solution)
    create = shop.personalize.create_solution_version
    refused = refusal(create, solutionArn=solution, trainingMode="UPDATE")
    assert refused[0] == "InvalidInputException"
