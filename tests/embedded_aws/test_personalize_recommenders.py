"""Recommenders of domain dataset groups: what they need, learn, serve, and when they train."""

from typing import Any

import pytest

from rehearsal import sample_data
from tests.embedded_aws.personalize_shop import HRNN, MINUTE, Shop, record, refusal

RECIPE = "arn:aws:personalize:::recipe/aws-ecomm"
FOR_YOU = f"{RECIPE}-recommended-for-you"
BEST_SELLERS = f"{RECIPE}-popular-items-by-purchases"
SHOP, VIDEO = "ECOMMERCE", "VIDEO_ON_DEMAND"
WEEK = 7 * 24 * 60 * MINUTE
ITEMS = record("Items", ITEM_ID="string", PRICE="float", CATEGORY_L1="string")


def events(views: int = 1200, purchases: int = 0, *, first: int = 0) -> str:
    """Sixty customers who view items i0 to i39 (`first` numbers from there), and buy i0 to i4."""
    rows = [
        f"u{n % 60},i{first + (n + n // 60) % 40},{1_599_000_000 + n},View" for n in range(views)
    ]
    rows += [f"u{n % 60},i{first + n % 5},{1_600_000_000 + n},Purchase" for n in range(purchases)]
    return "\n".join([",".join(sample_data.COLUMNS), *rows, ""])


@pytest.fixture
def dataset(shop: Shop) -> str:
    """The Interactions dataset of a shop's domain dataset group, with views and some purchases."""
    made = shop.dataset(domain=SHOP)
    shop.imported(made, "first", shop.put("first.csv", events(purchases=120)))
    return made


def created(shop: Shop, recipe: str = FOR_YOU, name: str = "for-you", **config: Any) -> str:
    request: Any = {"recommenderConfig": config} if config else {}
    arn: str = shop.personalize.create_recommender(
        name=name, datasetGroupArn=shop.arn("dataset-group/shop"), recipeArn=recipe, **request
    )["recommenderArn"]
    shop.wait(40 * MINUTE)
    return arn


def described(shop: Shop, arn: str) -> Any:
    return shop.personalize.describe_recommender(recommenderArn=arn)["recommender"]


def recommended(shop: Shop, arn: str, most: int = 25, **wanted: str) -> list[str]:
    response = shop.client("personalize-runtime").get_recommendations(
        recommenderArn=arn, numResults=most, **wanted
    )
    return [item["itemId"] for item in response["itemList"]]


@pytest.mark.usefixtures("dataset")
def test_a_recommender_trains_and_serves_its_use_case(shop: Shop) -> None:
    arn = shop.personalize.create_recommender(
        name="for-you", datasetGroupArn=shop.arn("dataset-group/shop"), recipeArn=FOR_YOU
    )["recommenderArn"]
    statuses = []
    for _ in range(4):
        statuses.append(described(shop, arn)["status"])
        shop.wait(13 * MINUTE)
    assert statuses == ["CREATE PENDING", "CREATE IN_PROGRESS", "ACTIVE", "ACTIVE"]
    found = described(shop, arn)
    assert arn == shop.arn("recommender/for-you")
    assert found["recommenderConfig"] == {"minRecommendationRequestsPerSecond": 1}
    assert 0 < found["modelMetrics"]["coverage"] <= 1
    listed = shop.personalize.list_recommenders(datasetGroupArn=shop.arn("dataset-group/shop"))
    assert [r["recommenderArn"] for r in listed["recommenders"]] == [arn]
    assert len(recommended(shop, arn, userId="u1", most=7)) == 7


@pytest.mark.usefixtures("dataset")
def test_what_a_customer_has_bought_is_not_recommended(shop: Shop) -> None:
    arn = created(shop)
    bought = {f"i{n % 5}" for n in range(120) if n % 60 == 7}
    for_you = recommended(shop, arn, userId="u7", most=500)
    assert bought
    assert not bought & set(for_you)
    assert len(for_you) == 40 - len(bought)
    assert len(recommended(shop, arn, userId="unknown", most=500)) == 40


def test_a_use_case_is_trained_on_its_event_type_and_needs_a_thousand(
    shop: Shop, dataset: str
) -> None:
    few = described(shop, created(shop, BEST_SELLERS, "few"))
    assert (few["status"], few["failureReason"]) == (
        "CREATE FAILED",
        "Dataset has fewer than 1000 interactions after filtering by event type: Purchase",
    )
    assert "modelMetrics" not in few
    shop.imported(dataset, "more", shop.put("more.csv", events(purchases=1000)))
    sellers = created(shop, BEST_SELLERS, "sellers")
    assert set(recommended(shop, sellers, userId="u1")) == {f"i{n}" for n in range(5)}
    together = created(shop, f"{RECIPE}-frequently-bought-together", "together")
    assert recommended(shop, together, itemId="i3")[-1] == "i3"
    with pytest.raises(shop.client("personalize-runtime").exceptions.InvalidInputException):
        recommended(shop, together, userId="u1")


@pytest.mark.usefixtures("dataset")
def test_a_recommender_trains_again_only_if_the_columns_of_its_training_change(shop: Shop) -> None:
    arn = created(shop)
    shop.imported(
        shop.arn("dataset/shop/INTERACTIONS"), "next", shop.put("next.csv", events(first=100))
    )
    update = shop.personalize.update_recommender
    update(recommenderArn=arn, recommenderConfig={"minRecommendationRequestsPerSecond": 2})
    code, message = refusal(
        update, recommenderArn=arn, recommenderConfig={"minRecommendationRequestsPerSecond": 3}
    )
    assert (code, "its update CREATE PENDING" in message) == ("ResourceInUseException", True)
    assert described(shop, arn)["status"] == "ACTIVE"
    shop.wait(10 * MINUTE)
    found = described(shop, arn)
    assert found["recommenderConfig"] == {"minRecommendationRequestsPerSecond": 2}
    assert found["latestRecommenderUpdate"]["status"] == "ACTIVE"
    assert "i100" not in recommended(shop, arn, userId="unknown")
    columns = {"excludedDatasetColumns": {"INTERACTIONS": ["EVENT_TYPE"]}}
    update(recommenderArn=arn, recommenderConfig={"trainingDataConfig": columns})
    shop.wait(10 * MINUTE)
    assert described(shop, arn)["latestRecommenderUpdate"]["status"] == "CREATE IN_PROGRESS"
    assert "i100" not in recommended(shop, arn, userId="unknown")
    shop.wait(30 * MINUTE)
    found = described(shop, arn)
    assert found["latestRecommenderUpdate"]["status"] == "ACTIVE"
    assert found["recommenderConfig"]["trainingDataConfig"] == columns
    assert "i100" in recommended(shop, arn, userId="unknown")


@pytest.mark.usefixtures("dataset")
def test_an_update_that_changes_nothing_does_not_occur(shop: Shop) -> None:
    arn = created(shop, minRecommendationRequestsPerSecond=2)
    same = {
        "recommenderArn": arn,
        "recommenderConfig": {"minRecommendationRequestsPerSecond": 2},
    }
    shop.personalize.update_recommender(**same)
    assert "latestRecommenderUpdate" not in described(shop, arn)
    shop.backend.behaviour.unchanged_recommender_update = "refused"
    assert refusal(shop.personalize.update_recommender, **same)[0] == "InvalidInputException"


@pytest.mark.usefixtures("dataset")
def test_an_update_that_fails_leaves_the_old_model_serving(shop: Shop) -> None:
    arn = created(shop)
    shop.backend.behaviour.planned_failures["recommender-update"] = ["Internal error."]
    columns = {"includedDatasetColumns": {"INTERACTIONS": ["EVENT_TYPE"]}}
    shop.personalize.update_recommender(
        recommenderArn=arn, recommenderConfig={"trainingDataConfig": columns}
    )
    shop.wait(40 * MINUTE)
    found = described(shop, arn)
    assert found["status"] == "ACTIVE"
    assert found["latestRecommenderUpdate"]["status"] == "CREATE FAILED"
    assert found["latestRecommenderUpdate"]["failureReason"] == "Internal error."
    assert "trainingDataConfig" not in found["recommenderConfig"]


@pytest.mark.usefixtures("dataset")
def test_a_recommender_trains_by_itself_every_week_unless_it_is_stopped(shop: Shop) -> None:
    shop.backend.behaviour.automatic_training = True
    arn = created(shop)
    interactions = shop.arn("dataset/shop/INTERACTIONS")
    for number in (1, 2):
        new = f"i{100 * number}"
        location = shop.put(f"{number}.csv", events(first=100 * number))
        shop.imported(interactions, f"week-{number}", location)
        if number == 2:
            shop.personalize.stop_recommender(recommenderArn=arn)
        shop.wait(WEEK - 3600)
        if number == 2:
            shop.personalize.start_recommender(recommenderArn=arn)
            shop.wait(MINUTE)
        else:
            assert new not in recommended(shop, arn, userId="unknown")
            shop.wait(2 * 3600)
        assert (new in recommended(shop, arn, userId="unknown")) == (number == 1)


@pytest.mark.usefixtures("dataset")
def test_a_stopped_recommender_recommends_nothing_until_it_is_started(shop: Shop) -> None:
    arn, personalize = created(shop), shop.personalize
    personalize.stop_recommender(recommenderArn=arn)
    statuses = []
    for _ in range(3):
        statuses.append(described(shop, arn)["status"])
        shop.wait(MINUTE / 4)
    assert statuses == ["STOP PENDING", "STOP IN_PROGRESS", "INACTIVE"]
    runtime = shop.client("personalize-runtime")
    assert refusal(runtime.get_recommendations, recommenderArn=arn, userId="u1")[0] == (
        "ResourceNotFoundException"
    )
    stop, update = personalize.stop_recommender, personalize.update_recommender
    assert refusal(stop, recommenderArn=arn)[0] == "ResourceInUseException"
    assert refusal(update, recommenderArn=arn, recommenderConfig={})[0] == "ResourceInUseException"
    personalize.start_recommender(recommenderArn=arn)
    assert described(shop, arn)["status"] == "START PENDING"
    shop.wait(MINUTE)
    assert recommended(shop, arn, userId="u1")
    personalize.delete_recommender(recommenderArn=arn)
    assert described(shop, arn)["status"] == "DELETE PENDING"
    shop.wait(MINUTE)
    assert refusal(personalize.describe_recommender, recommenderArn=arn)[0] == (
        "ResourceNotFoundException"
    )


def test_a_recommender_needs_a_use_case_of_its_group_s_domain(shop: Shop) -> None:
    create = shop.personalize.create_recommender
    shop.dataset(domain=SHOP)
    shop.dataset(group="custom")
    ours, custom = (shop.arn(f"dataset-group/{group}") for group in ("shop", "custom"))
    video = "arn:aws:personalize:::recipe/aws-vod-top-picks"
    for group, recipe in ((ours, video), (custom, FOR_YOU), (ours, HRNN)):
        refused = refusal(create, name="r", datasetGroupArn=group, recipeArn=recipe)
        assert refused[0] == "InvalidInputException"
    unknown = refusal(create, name="r", datasetGroupArn=ours, recipeArn=f"{RECIPE}-magic")
    assert unknown[0] == "ResourceNotFoundException"
    config = {"trainingDataConfig": {"excludedDatasetColumns": {"ITEMS": ["PRICE"]}}}
    refused = refusal(
        create, name="r", datasetGroupArn=ours, recipeArn=FOR_YOU, recommenderConfig=config
    )
    assert refused == ("InvalidInputException", "Dataset ITEMS has no columns PRICE.")
    solution = refusal(
        shop.personalize.create_solution, name="s", datasetGroupArn=ours, recipeArn=FOR_YOU
    )
    assert solution[0] == "InvalidInputException"


@pytest.mark.parametrize("choice", ["refused", "failed"])
def test_a_recommender_without_a_dataset_that_it_needs_is_refused_or_fails(
    shop: Shop, choice: Any
) -> None:
    shop.backend.behaviour.missing_dataset = choice
    made = shop.dataset(domain=VIDEO)
    shop.imported(made, "first", shop.put("first.csv", events()))
    recipe = "arn:aws:personalize:::recipe/aws-vod-more-like-x"
    why = f"Dataset group {shop.arn('dataset-group/shop')} needs a dataset of type ITEMS."
    if choice == "failed":
        found = described(shop, created(shop, recipe))
        assert (found["status"], found["failureReason"]) == ("CREATE FAILED", why)
    else:
        create = shop.personalize.create_recommender
        request = {"datasetGroupArn": shop.arn("dataset-group/shop"), "recipeArn": recipe}
        assert refusal(create, name="r", **request) == ("InvalidInputException", why)


@pytest.mark.usefixtures("dataset")
def test_the_number_of_recommenders_is_limited(shop: Shop) -> None:
    shop.backend.behaviour.recommenders = 1
    created(shop)
    with pytest.raises(shop.personalize.exceptions.LimitExceededException):
        created(shop, name="another")


def test_a_group_with_a_recommender_cannot_be_deleted(shop: Shop, dataset: str) -> None:
    arn = created(shop)
    shop.personalize.delete_dataset(datasetArn=dataset)
    shop.wait(MINUTE)
    delete = shop.personalize.delete_dataset_group
    group = shop.arn("dataset-group/shop")
    assert refusal(delete, datasetGroupArn=group)[0] == "ResourceInUseException"
    shop.personalize.delete_recommender(recommenderArn=arn)
    shop.wait(MINUTE)
    assert delete(datasetGroupArn=group)


# Domain dataset groups


def test_the_recipes_of_a_domain_are_its_use_cases(shop: Shop) -> None:
    for domain, name in ((SHOP, "aws-ecomm-"), (VIDEO, "aws-vod-")):
        recipes = shop.personalize.list_recipes(domain=domain)["recipes"]
        assert len(recipes) == 5
        assert all(r["name"].startswith(name) and r["domain"] == domain for r in recipes)
    assert all("domain" not in r for r in shop.personalize.list_recipes()["recipes"])
    found = shop.personalize.describe_recipe(recipeArn=FOR_YOU)["recipe"]
    assert (found["recipeArn"], found["recipeType"]) == (FOR_YOU, "USER_PERSONALIZATION")


@pytest.mark.parametrize(
    ("domain", "kind", "schema", "why"),
    [
        (
            SHOP,
            "Interactions",
            record("Interactions", USER_ID="string", ITEM_ID="string", TIMESTAMP="long"),
            "INTERACTIONS of ECOMMERCE needs the field EVENT_TYPE of type string",
        ),
        (
            SHOP,
            "Items",
            record("Items", ITEM_ID="string", CATEGORY_L1="string"),
            "ITEMS of ECOMMERCE needs the field PRICE of type float",
        ),
        (
            SHOP,
            "Items",
            ITEMS.replace("true", "false"),
            "ITEMS of ECOMMERCE needs the field CATEGORY_L1 to be categorical",
        ),
        (
            VIDEO,
            "Items",
            ITEMS,
            "ITEMS of VIDEO_ON_DEMAND needs the field CREATION_TIMESTAMP of type long",
        ),
        (
            SHOP,
            "Actions",
            record("Actions", ACTION_ID="string", VALUE="long"),
            "a domain dataset group cannot have a dataset of type ACTIONS",
        ),
        (None, "Items", record("Items", ITEM_ID="string"), "ITEMS needs at least one metadata"),
    ],
)
def test_a_dataset_of_a_domain_needs_the_fields_of_the_domain(
    shop: Shop, domain: str | None, kind: str, schema: str, why: str
) -> None:
    named: Any = {"name": "shop"} | ({"domain": domain} if domain else {})
    shop.personalize.create_dataset_group(**named)
    shop.wait(MINUTE)
    with pytest.raises(shop.personalize.exceptions.InvalidInputException, match=why):
        shop.another_dataset(kind, schema, domain=domain)


def test_a_schema_of_another_domain_is_refused_or_accepted(shop: Shop) -> None:
    shop.dataset(domain=SHOP)
    with pytest.raises(
        shop.personalize.exceptions.InvalidInputException, match=r"of domain \(none\), but dataset"
    ):
        shop.another_dataset("Items", ITEMS)
    shop.backend.behaviour.schema_of_another_domain = "accepted"
    schema = shop.arn("schema/shop-Items")
    shop.personalize.create_dataset(
        name="items",
        schemaArn=schema,
        datasetGroupArn=shop.arn("dataset-group/shop"),
        datasetType="Items",
    )


def test_a_role_of_a_group_needs_the_key_that_it_is_for(shop: Shop) -> None:
    create = shop.personalize.create_dataset_group
    assert refusal(create, name="shop", roleArn=shop.role)[0] == "InvalidInputException"


def test_a_ranking_orders_the_given_items_for_a_user(shop: Shop) -> None:
    shop.imported(shop.dataset(), "first", shop.put("first.csv", events()))
    ranking = "arn:aws:personalize:::recipe/aws-personalized-ranking"
    campaign = shop.campaign(shop.trained(shop.solution(recipe=ranking)))
    rank = shop.client("personalize-runtime").get_personalized_ranking
    items = ["unknown", "i3", "i0", "i17"]
    ranked = rank(campaignArn=campaign, userId="u1", inputList=items)["personalizedRanking"]
    assert ranked[-1]["itemId"] == "unknown"
    assert {item["itemId"] for item in ranked} == set(items)
    scores = [item["score"] for item in ranked]
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1, abs=1e-4)
    other = shop.campaign(shop.trained(shop.solution("hrnn")), "hrnn")
    assert refusal(rank, campaignArn=other, userId="u1", inputList=items)[0] == (
        "InvalidInputException"
    )
