"""What all Personalize resources share: names, owners, deletion and the time."""

import pytest
from botocore.exceptions import ClientError

from rehearsal import sample_data
from tests.embedded_aws.personalize_shop import (
    HRNN,
    MINUTE,
    Shop,
    refusal,
)


def test_a_deleted_resource_is_gone_after_a_while_and_its_name_can_be_used_again(
    shop: Shop, solution: str
) -> None:
    personalize = shop.personalize
    arn = shop.campaign(shop.trained(solution))
    assert refusal(personalize.delete_solution, solutionArn=solution)[0] == (
        "ResourceInUseException"
    )
    personalize.delete_campaign(campaignArn=arn)
    assert shop.described(arn)["status"] == "DELETE PENDING"
    shop.wait(MINUTE)
    assert refusal(personalize.describe_campaign, campaignArn=arn) == (
        "ResourceNotFoundException",
        f"Resource Arn {arn} does not exist.",
    )
    personalize.delete_solution(solutionArn=solution)
    shop.wait(MINUTE)
    assert shop.solution() == solution


def test_a_created_resource_has_the_simulated_time_with_its_fraction(shop: Shop) -> None:
    shop.wait(0.25)
    now = shop.cloud.clock.time()
    arn = shop.personalize.create_dataset_group(name="shop")["datasetGroupArn"]
    described = shop.personalize.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"]
    assert described["creationDateTime"].timestamp() == now
    assert now % 1 == 0.25


def test_a_group_has_one_dataset_of_a_type(shop: Shop) -> None:
    dataset = shop.dataset()
    request = {
        "name": "again",
        "schemaArn": shop.arn("schema/shop-schema"),
        "datasetGroupArn": shop.arn("dataset-group/shop"),
    }
    create = shop.personalize.create_dataset
    assert refusal(create, datasetType="INTERACTIONS", **request) == (
        "ResourceAlreadyExistsException",
        f"Another resource with Arn {dataset} already exists.",
    )
    assert refusal(create, datasetType="Purchases", **request)[0] == "InvalidInputException"


def test_a_dataset_needs_a_schema_with_the_columns_of_its_type(shop: Shop) -> None:
    schema = sample_data.SCHEMA.replace('"TIMESTAMP", "type": "long"', '"TIMESTAMP", "type": "int"')
    with pytest.raises(ClientError, match="INTERACTIONS needs the field TIMESTAMP of type long"):
        shop.dataset(schema)


def test_a_resource_in_use_cannot_be_deleted(shop: Shop, solution: str) -> None:
    personalize = shop.personalize
    schema, dataset = shop.arn("schema/shop-schema"), shop.arn("dataset/shop/INTERACTIONS")
    group = shop.arn("dataset-group/shop")
    training = personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    for delete, request in (
        (personalize.delete_schema, {"schemaArn": schema}),
        (personalize.delete_dataset, {"datasetArn": dataset}),
        (personalize.delete_dataset_group, {"datasetGroupArn": group}),
        (personalize.delete_solution, {"solutionArn": solution}),
    ):
        assert refusal(delete, **request)[0] == "ResourceInUseException"
    shop.wait(60 * MINUTE)
    personalize.delete_solution(solutionArn=solution)
    personalize.delete_dataset(datasetArn=dataset)
    shop.wait(MINUTE)
    personalize.delete_schema(schemaArn=schema)
    personalize.delete_dataset_group(datasetGroupArn=group)
    shop.wait(MINUTE)
    assert personalize.list_dataset_groups()["datasetGroups"] == []
    assert refusal(personalize.describe_solution_version, solutionVersionArn=training)[0] == (
        "ResourceNotFoundException"
    )


def test_a_resource_that_is_not_active_yet_cannot_be_used(shop: Shop) -> None:
    group = shop.personalize.create_dataset_group(name="shop")["datasetGroupArn"]
    create = shop.personalize.create_solution
    request = {"name": "solution", "datasetGroupArn": group, "recipeArn": HRNN}
    assert refusal(create, **request)[0] == "ResourceInUseException"
    shop.wait(MINUTE)
    assert create(**request)


def test_a_solution_needs_a_recipe_that_exists_and_trains_automatically_by_default(
    shop: Shop,
) -> None:
    group = shop.personalize.create_dataset_group(name="shop")["datasetGroupArn"]
    shop.wait(MINUTE)
    create = shop.personalize.create_solution
    request = {"name": "solution", "datasetGroupArn": group}
    assert refusal(create, **request)[0] == "InvalidInputException"
    unknown = HRNN.replace("hrnn", "magic")
    assert refusal(create, recipeArn=unknown, **request)[0] == "ResourceNotFoundException"
    arn = create(recipeArn=HRNN, **request)["solutionArn"]
    described = shop.personalize.describe_solution(solutionArn=arn)["solution"]
    assert described["performAutoTraining"] is True


def test_an_update_of_a_solution_changes_it_once_it_is_active(shop: Shop, solution: str) -> None:
    update = shop.personalize.update_solution
    assert refusal(update, solutionArn=solution)[0] == "InvalidInputException"
    update(solutionArn=solution, performAutoTraining=True)
    assert refusal(update, solutionArn=solution, performAutoTraining=False)[0] == (
        "ResourceInUseException"
    )
    described = shop.personalize.describe_solution(solutionArn=solution)["solution"]
    assert described["performAutoTraining"] is False
    assert described["latestSolutionUpdate"]["status"] == "CREATE PENDING"
    shop.wait(MINUTE)
    described = shop.personalize.describe_solution(solutionArn=solution)["solution"]
    assert described["performAutoTraining"] is True
    assert described["latestSolutionUpdate"]["status"] == "ACTIVE"
    assert described["latestSolutionUpdate"]["performAutoTraining"] is True
