"""What an import reads, what it refuses, and with which failureReason."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.services.personalize.resources import SolutionVersion
from rehearsal import sample_data
from tests.embedded_aws.personalize_shop import BUCKET, READER, ROLE, Shop, csv

HEADER = ",".join(sample_data.COLUMNS)
TOO_LONG = (
    "Length cannot be more than {} characters for {}. If no values exceed the character limit, "
    "make sure your data follows the formatting guidelines listed in "
    "https://docs.aws.amazon.com/personalize/latest/dg/data-prep-formatting.html."
)
NO_PRIVILEGES = "Insufficient privileges for accessing data in Amazon S3."


def with_row(row: str) -> str:
    return f"{csv(rows=1000)}{row}\n"


def trained_on(shop: Shop) -> set[str]:
    """Train, and return the items that the model knows."""
    version = shop.backend.find(SolutionVersion, shop.trained(shop.solution()))
    assert version.trained, version.failure_reason
    return set(version.trained.items)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            "USER_ID,EVENT_TYPE\nu,view\n",
            "Input CSV is missing the following columns:[ITEM_ID, TIMESTAMP].",
        ),
        (
            csv().replace(HEADER, HEADER.replace("TIMESTAMP", '"TIMESTAMP"')),
            "Input CSV is missing the following columns:[TIMESTAMP].",
        ),
        (
            with_row(f"{'u' * 257},i1,1600000000,view"),
            TOO_LONG.format(256, "USER_ID"),
        ),
        (
            with_row("u1,i1,1600000000000,view"),
            "TIMESTAMP must be in Unix epoch time in seconds, not milliseconds.",
        ),
        (
            with_row("u1,i1,2020-09-28,view"),
            "Column TIMESTAMP has a value that is not of its type: 2020-09-28",
        ),
        (with_row("u1,,1600000000,view"), "Column ITEM_ID has 1 records without a value."),
        (csv().replace("u1,", "\xfc,").encode("latin-1"), "Input CSV is not encoded in UTF-8."),
        (HEADER + "\n", "The data has 0 records, fewer than the 1000 of an import."),
        (csv(rows=999), "The data has 999 records, fewer than the 1000 of an import."),
        (
            with_row("u1,i1,1600000000,view,one,too,many"),
            "Input CSV cannot be read: line 1002 has 7 values, and the header 4 columns.",
        ),
        (
            with_row("u1,i1,1600000000"),
            "Input CSV cannot be read: line 1002 has 3 values, and the header 4 columns.",
        ),
        (
            csv().replace(HEADER, HEADER + ",ITEMID").replace(",view", ",view,i1"),
            "Columns must have unique alphanumeric names: ITEM_ID, ITEMID",
        ),
        (
            with_row("u1,i1,1600000000,IMPRESSION"),
            "EVENT_TYPE cannot be a reserved keyword, but is: IMPRESSION",
        ),
    ],
)
def test_a_file_that_does_not_fit_fails_the_job_with_its_reason(
    shop: Shop, body: Any, reason: str
) -> None:
    job = shop.imported(shop.dataset(), "first", shop.put("first.csv", body))
    assert (job["status"], job["failureReason"]) == ("CREATE FAILED", reason)


def test_columns_may_be_in_any_order_with_others_between_and_lines_may_end_in_crlf(
    shop: Shop,
) -> None:
    rows = [line.split(",") for line in csv().splitlines()]
    body = "\r\n".join(f"{t},x,{i},{e},{u}" for u, i, t, e in rows) + "\r\n"
    assert shop.imported(shop.dataset(), "first", shop.put("first.csv", body))["status"] == "ACTIVE"
    assert trained_on(shop) == {f"i{n}" for n in range(40)}


def test_a_folder_is_read_one_level_deep_and_the_full_import_replaces_the_old_data(
    shop: Shop,
) -> None:
    dataset = shop.dataset()
    shop.imported(dataset, "old", shop.put("old.csv", csv(first=500)))
    shop.put("week/", "")
    shop.put("week/a.csv", csv())
    shop.put("week/b.csv", csv(first=100))
    shop.put("week/deeper/c.csv", csv(first=900))
    job = shop.imported(dataset, "week", f"s3://{BUCKET}/week/")
    assert job["status"] == "ACTIVE"
    assert trained_on(shop) == {f"i{first + n}" for n in range(40) for first in (0, 100)}


def test_all_files_of_a_folder_must_have_the_same_header(shop: Shop) -> None:
    shop.put("week/a.csv", csv())
    shop.put("week/b.csv", csv().replace(HEADER, "ITEM_ID,USER_ID,TIMESTAMP,EVENT_TYPE"))
    job = shop.imported(shop.dataset(), "week", f"s3://{BUCKET}/week/")
    assert job["failureReason"] == "All the files in the folder must have the same header."


@pytest.mark.parametrize("location", ["none.csv", "none/", "week", "week/a"])
def test_a_location_without_data_is_not_a_data_location(shop: Shop, location: str) -> None:
    shop.put("week/a.csv", csv())
    job = shop.imported(shop.dataset(), "first", f"s3://{BUCKET}/{location}")
    assert job["failureReason"] == "Invalid Data location."


def test_a_failed_import_keeps_the_old_data(shop: Shop) -> None:
    dataset = shop.dataset()
    shop.imported(dataset, "first", shop.put("first.csv", csv()))
    assert shop.imported(dataset, "next", shop.put("next.csv", "x\n"))["status"] == "CREATE FAILED"
    assert trained_on(shop) == {f"i{n}" for n in range(40)}


def test_an_incremental_import_appends_to_bulk_data_and_fails_without_it(shop: Shop) -> None:
    dataset = shop.dataset()
    more = shop.put("more.csv", csv(first=100))
    with pytest.raises(ClientError, match="InvalidInputException"):
        shop.begin_import(dataset, "early", more, "INCREMENTAL")
    shop.backend.behaviour.incremental_without_bulk = "failed"
    job = shop.imported(dataset, "early", more, "INCREMENTAL")
    assert (job["status"], job["importMode"]) == ("CREATE FAILED", "INCREMENTAL")
    shop.imported(dataset, "first", shop.put("first.csv", csv()))
    assert shop.imported(dataset, "more", more, "INCREMENTAL")["status"] == "ACTIVE"
    assert trained_on(shop) == {f"i{first + n}" for n in range(40) for first in (0, 100)}


def test_an_incremental_import_needs_a_thousand_interactions_that_are_new(shop: Shop) -> None:
    dataset = shop.dataset()
    shop.imported(dataset, "first", shop.put("first.csv", csv()))
    rows = csv(rows=2199).splitlines(keepends=True)  # the first 1200 have been imported
    for name, body in (("both", "".join(rows)), ("few", "".join([rows[0], *rows[1201:]]))):
        job = shop.imported(dataset, name, shop.put(f"{name}.csv", body), "INCREMENTAL")
        assert job["failureReason"] == (
            "The data has 999 new records, fewer than the 1000 of an import."
        )
    shop.backend.behaviour.incremental_records = "all"
    assert shop.imported(dataset, "all", "s3://shop-data/both.csv", "INCREMENTAL")["status"] == (
        "ACTIVE"
    )


def test_an_incremental_import_of_items_may_be_small(shop: Shop) -> None:
    shop.dataset()
    fields = [{"name": name, "type": "string"} for name in ("ITEM_ID", "CATEGORY")]
    schema = json.dumps({"type": "record", "name": "Items", "fields": fields})
    made = shop.personalize.create_schema(name="items", schema=schema)["schemaArn"]
    items = shop.personalize.create_dataset(
        name="items",
        schemaArn=made,
        datasetGroupArn=shop.arn("dataset-group/shop"),
        datasetType="Items",
    )["datasetArn"]
    shop.wait(60)
    location = shop.put("items.csv", "ITEM_ID,CATEGORY\ni1,coats\n")
    shop.imported(items, "first", location)
    assert shop.imported(items, "more", location, "INCREMENTAL")["status"] == "ACTIVE"


def test_more_bytes_than_the_import_mode_allows_are_refused(shop: Shop) -> None:
    shop.backend.behaviour.full_import_bytes = 1000
    job = shop.imported(shop.dataset(), "first", shop.put("first.csv", csv()))
    assert "more than the 1000 of this import mode" in job["failureReason"]


def test_an_optional_column_may_be_empty_and_types_are_those_of_the_schema(shop: Shop) -> None:
    schema = sample_data.SCHEMA.replace(
        '{"name": "EVENT_TYPE", "type": "string"}',
        '{"name": "EVENT_TYPE", "type": ["null", "string"]}, '
        '{"name": "EVENT_VALUE", "type": ["null", "float"]}',
    )
    rows = csv().replace(",view", ",,1.5").replace("TYPE", "TYPE,EVENT_VALUE")
    dataset = shop.dataset(schema)
    job = shop.imported(dataset, "first", shop.put("first.csv", rows))
    assert job["status"] == "ACTIVE"
    job = shop.imported(dataset, "next", shop.put("next.csv", rows.replace("1.5", "cheap")))
    assert job["failureReason"] == "Column EVENT_VALUE has a value that is not of its type: cheap"


# Who may read


def own(shop: Shop, account: str | None = None) -> Any:
    """Conditions against the confused deputy, for our own account unless another is given."""
    account = account or shop.cloud.account
    return {
        "StringEquals": {"aws:SourceAccount": account},
        "ArnLike": {"aws:SourceArn": f"arn:aws:personalize:{shop.cloud.region}:{account}:*"},
    }


def test_a_bucket_that_does_not_allow_personalize_is_not_read(shop: Shop) -> None:
    dataset, location = shop.dataset(), shop.put("first.csv", csv())
    for number, principal in enumerate((None, {"Service": "glue.amazonaws.com"})):
        shop.allow_reading(principal)
        job = shop.imported(dataset, f"job-{number}", location)
        assert (job["status"], job["failureReason"]) == ("CREATE FAILED", NO_PRIVILEGES)


def test_conditions_of_the_bucket_and_the_role_allow_only_their_own_account(shop: Shop) -> None:
    dataset, location = shop.dataset(), shop.put("first.csv", csv())
    shop.allow_reading(READER, own(shop))
    shop.make_role(condition=own(shop))
    assert shop.imported(dataset, "ours", location)["status"] == "ACTIVE"
    shop.allow_reading(READER, own(shop, "999999999999"))
    assert shop.imported(dataset, "bucket", location)["failureReason"] == NO_PRIVILEGES
    shop.allow_reading()
    shop.make_role(condition=own(shop, "999999999999"))
    assert shop.imported(dataset, "role", location)["failureReason"] == NO_PRIVILEGES


def test_a_role_that_does_not_trust_personalize_or_may_not_read_fails_the_import(
    shop: Shop,
) -> None:
    dataset, location = shop.dataset(), shop.put("first.csv", csv())
    shop.make_role(principal={"Service": "glue.amazonaws.com"})
    assert shop.imported(dataset, "trust", location)["failureReason"] == NO_PRIVILEGES
    shop.make_role(may_read=False)
    assert shop.imported(dataset, "read", location)["failureReason"] == NO_PRIVILEGES
    shop.make_role()
    assert shop.imported(dataset, "both", location)["status"] == "ACTIVE"


@pytest.mark.parametrize("call", ["ListObjectsV2", "GetObject"])
@pytest.mark.parametrize("fault", ["throttle*3", "error", "lost"])
def test_temporary_s3_errors_are_retried_and_a_denied_call_is_final(
    shop: Shop, call: str, fault: str
) -> None:
    dataset, location = shop.dataset(), shop.put("first.csv", csv())
    passing = shop.cloud.faults.add(f"s3:{call}={fault}")
    assert shop.imported(dataset, "first", location)["status"] == "ACTIVE"
    assert passing.struck == passing.times
    shop.cloud.faults.add(f"s3:{call}=denied")
    assert shop.imported(dataset, "next", location)["failureReason"] == NO_PRIVILEGES


def test_a_role_that_does_not_exist_fails_the_import(shop: Shop) -> None:
    iam = shop.client("iam")
    iam.delete_role_policy(RoleName=ROLE, PolicyName="read")
    iam.delete_role(RoleName=ROLE)
    job = shop.imported(shop.dataset(), "first", shop.put("first.csv", csv()))
    assert job["failureReason"] == NO_PRIVILEGES
