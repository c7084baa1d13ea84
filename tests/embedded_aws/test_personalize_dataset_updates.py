"""UpdateDataset: the schema of Items or Users is replaced by a wider one."""

from typing import Any

import polars as pl
import pytest

from embedded_aws.services.personalize.avro import parse_schema
from embedded_aws.services.personalize.models import personalize_backend
from embedded_aws.services.personalize.resources import Dataset
from tests.embedded_aws.personalize_shop import MINUTE, Shop, record, refusal

OLD = record("Items", ITEM_ID="string", KIND="string", PRICE="float")
WIDER = record("Items", ITEM_ID="string", KIND="string", PRICE="float", AGE=["null", "int"])


@pytest.fixture
def items(shop: Shop) -> str:
    shop.dataset()
    return shop.another_dataset("Items", OLD)


def test_single_records_are_written_once_for_each_count_and_schema(shop: Shop, items: str) -> None:
    store = personalize_backend(shop.cloud.account, shop.cloud.region)
    events = shop.client("personalize-events")
    group = store.find(Dataset, items).group

    def put(item: str) -> None:
        properties = '{"kind": "shoe", "price": 1.5}'
        events.put_items(datasetArn=items, items=[{"itemId": item, "properties": properties}])

    def written() -> tuple[int, tuple[int, int]]:
        (path,) = store.imported(group, "ITEMS")
        return path.stat().st_mtime_ns, pl.read_parquet(path).shape

    put("i1")
    first = written()
    assert first[1] == (1, 3)
    assert written() == first
    put("i2")
    assert written()[1] == (2, 3)
    shop.personalize.update_dataset(datasetArn=items, schemaArn=schema(shop, WIDER))
    shop.wait(MINUTE)
    assert written()[1] == (2, 4)


def schema(shop: Shop, text: str, name: str = "wider") -> str:
    arn: str = shop.personalize.create_schema(name=name, schema=text)["schemaArn"]
    return arn


def described(shop: Shop, dataset: str) -> Any:
    return shop.personalize.describe_dataset(datasetArn=dataset)["dataset"]


def test_a_dataset_has_its_old_schema_until_the_update_is_active(shop: Shop, items: str) -> None:
    old, new = described(shop, items)["schemaArn"], schema(shop, WIDER)
    assert "latestDatasetUpdate" not in described(shop, items)
    answer = shop.personalize.update_dataset(datasetArn=items, schemaArn=new)
    assert answer["datasetArn"] == items
    seen = described(shop, items)
    assert (seen["status"], seen["schemaArn"]) == ("ACTIVE", old)
    assert seen["latestDatasetUpdate"]["status"] == "CREATE PENDING"
    assert seen["latestDatasetUpdate"]["schemaArn"] == new
    again = refusal(shop.personalize.update_dataset, datasetArn=items, schemaArn=new)
    assert again[0] == "ResourceInUseException"
    assert refusal(shop.personalize.delete_schema, schemaArn=new)[0] == "ResourceInUseException"
    shop.wait(MINUTE)
    seen = described(shop, items)
    assert (seen["schemaArn"], seen["latestDatasetUpdate"]["status"]) == (new, "ACTIVE")


def test_imports_after_the_update_need_the_new_column(shop: Shop, items: str) -> None:
    old_data = shop.put("old.csv", "ITEM_ID,KIND,PRICE\ni1,shoe,1.5\n")
    assert shop.imported(items, "first", old_data)["status"] == "ACTIVE"
    shop.personalize.update_dataset(datasetArn=items, schemaArn=schema(shop, WIDER))
    shop.wait(MINUTE)
    assert shop.imported(items, "second", old_data)["failureReason"] == (
        "Input CSV is missing the following columns:[AGE]."
    )
    new_data = shop.put("new.csv", "ITEM_ID,KIND,PRICE,AGE\ni2,hat,2.5,\n")
    assert shop.imported(items, "third", new_data)["status"] == "ACTIVE"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (record("Items", ITEM_ID="string", KIND="string"), "has not the field PRICE"),
        (record("Items", ITEM_ID="string", KIND="string", PRICE="double"), "the field PRICE has"),
        (record("Items", ITEM_ID="string", KIND={"type": "string"}, PRICE="float"), "KIND has"),
        (WIDER.replace('["null", "int"]', '"int"'), "AGE does not support null"),
        (record("Users", USER_ID="string", KIND="string"), "its name must be"),
    ],
)
def test_a_schema_must_keep_all_fields_and_new_ones_must_be_nullable(
    shop: Shop, items: str, text: str, why: str
) -> None:
    parse_schema(text)
    wrong = schema(shop, text)
    code, message = refusal(shop.personalize.update_dataset, datasetArn=items, schemaArn=wrong)
    assert (code, why in message) == ("InvalidInputException", True)


def test_the_schema_of_interactions_is_final(shop: Shop, items: str) -> None:
    dataset = shop.arn("dataset/shop/INTERACTIONS")
    same = described(shop, dataset)["schemaArn"]
    update = shop.personalize.update_dataset
    assert refusal(update, datasetArn=dataset, schemaArn=same)[0] == "InvalidInputException"
    unknown = items.replace("ITEMS", "USERS")
    assert refusal(update, datasetArn=unknown, schemaArn=same)[0] == "ResourceNotFoundException"


def test_whether_an_import_keeps_a_dataset_from_being_updated_is_configurable(
    shop: Shop, items: str
) -> None:
    wider = schema(shop, WIDER)
    shop.begin_import(items, "first", shop.put("old.csv", "ITEM_ID,KIND,PRICE\ni1,shoe,1.5\n"))
    update = shop.personalize.update_dataset
    assert refusal(update, datasetArn=items, schemaArn=wider)[0] == "ResourceInUseException"
    shop.backend.behaviour.dataset_update_during_import = "accepted"
    update(datasetArn=items, schemaArn=wider)
