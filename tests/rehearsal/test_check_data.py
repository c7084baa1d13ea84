"""The task "Check data" against the embedded S3, Personalize and DynamoDB."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import check_data
import data_files
import past_imports
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from plan_types import DataCheck, DataVerdict, PlannedImport
from retry_later import RetryLater

from embedded_aws import Clock, Cloud, start
from embedded_aws.clock import current
from embedded_aws.services.iam import assume_role_as_service
from tests.conftest import START
from tests.embedded_aws.personalize_shop import BUCKET, Shop, csv, open_shop

TABLE, ROLE = "RUNS", "check-data"
KIB = 1024
# What the task is allowed; the deployed role's policies are tested with the stack.
ALLOWED = {
    "s3:ListBucket": [f"arn:aws:s3:::{BUCKET}"],
    "s3:GetObject": [f"arn:aws:s3:::{BUCKET}/week/*"],
    "personalize:DescribeDataset": ["*"],
    "personalize:DescribeSchema": ["*"],
    "dynamodb:Query": ["*"],
}


class Data(Shop):
    """A shop with a dataset, a table of runs, and the role of the task."""

    dataset_arn = ""

    def prepare(self) -> None:
        self.dataset_arn = self.dataset()
        self.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[
                {"AttributeName": "campaign_name", "KeyType": "HASH"},
                {"AttributeName": "base_date", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "campaign_name", "AttributeType": "S"},
                {"AttributeName": "base_date", "AttributeType": "N"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )

    def delivered(self, *files: str | bytes, folder: str = "week/") -> str:
        """Empty a folder of the bucket, write files to it, and return its location."""
        self.empty()
        for number, content in enumerate(files):
            self.put(f"{folder}part-{number}.csv", content)
        return f"s3://{BUCKET}/{folder}"

    def empty(self) -> None:
        s3 = self.client("s3")
        for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            s3.delete_object(Bucket=BUCKET, Key=item["Key"])

    def ran(self, date: int, created: float, *, key: str = "bbbbbbbb", **more: Any) -> None:
        """Write the row of a run that was COMPLETE."""
        self.client("dynamodb").put_item(
            TableName=TABLE,
            Item={
                "campaign_name": {"S": "campaign"},
                "base_date": {"N": str(date)},
                "run_key": {"S": key},
                "refresh_status": {"S": "COMPLETE"},
                "dataset_import_job_datetime": {"N": str(int(created))},
                **more,
            },
        )

    def forget(self) -> None:
        dynamodb = self.client("dynamodb")
        for item in dynamodb.scan(TableName=TABLE)["Items"]:
            key = {name: item[name] for name in ("campaign_name", "base_date")}
            dynamodb.delete_item(TableName=TABLE, Key=key)

    def planned(self, location: str, mode: Any = "FULL", **changes: Any) -> PlannedImport:
        planned: Any = {
            "dataset_arn": self.dataset_arn,
            "job_name": "job",
            "location": location,
            "import_mode": mode,
            "role_arn": self.role,
            "row_prefix": "",
            "attempt": 1,
            **changes,
        }
        typed: PlannedImport = planned
        return typed

    def checked(
        self, *datasets: PlannedImport, no_new_data: Any = "end", smallest_share: float = 0
    ) -> DataVerdict:
        request: DataCheck = {
            "campaign_name": "campaign",
            "base_date": 20201005,
            "run_key": "aaaaaaaa",
            "datasets": list(datasets),
            "preflight": {"no_new_data": no_new_data, "smallest_share": smallest_share},
            "now": int(current().time()),
        }
        return check_data.lambda_handler(request, None)


def task_client(cloud: Cloud, service: str) -> Any:
    """Return a client as the task's role, which may do what ALLOWED says."""
    credentials = assume_role_as_service(
        f"arn:aws:iam::{cloud.account}:role/{ROLE}",
        service="lambda.amazonaws.com",
        source_arn=f"arn:aws:lambda:{cloud.region}:{cloud.account}:function:check-data",
        region=cloud.region,
    )
    client: Any = boto3.client
    return client(
        service,
        endpoint_url=cloud.endpoint,
        region_name=cloud.region,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        aws_session_token=credentials.session_token,
        config=Config(retries={"total_max_attempts": 1}),
    )


def make_role(cloud: Cloud) -> None:
    iam = cloud.client("iam")
    trusts = {"Service": "lambda.amazonaws.com"}
    trust = {"Effect": "Allow", "Principal": trusts, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=policy(trust))
    statements = [
        {"Effect": "Allow", "Action": action, "Resource": resources}
        for action, resources in ALLOWED.items()
    ]
    iam.put_role_policy(RoleName=ROLE, PolicyName="task", PolicyDocument=policy(*statements))


def policy(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.fixture(scope="module")
def served() -> Iterator[Data]:
    """One cloud for the module; its time moves only when a test lets it."""
    with start(account="111122223333", region="ap-northeast-1", clock=Clock(START)) as cloud:
        make_role(cloud)
        with open_shop(cloud):
            data = Data(cloud)
            data.prepare()
            yield data


@pytest.fixture
def data(served: Data, monkeypatch: pytest.MonkeyPatch) -> Data:
    """The module's cloud without files and rows, called as the task's role."""
    served.empty()
    served.forget()
    monkeypatch.setenv("TABLE_NAME", TABLE)
    monkeypatch.setattr(data_files, "s3", task_client(served.cloud, "s3"))
    monkeypatch.setattr(past_imports, "dynamodb", task_client(served.cloud, "dynamodb"))
    monkeypatch.setattr(check_data, "personalize", task_client(served.cloud, "personalize"))
    return served


GOOD = csv()
NOTHING: DataVerdict = {"refusal": "", "no_new_data": "", "warning": ""}
FOLDER = f"s3://{BUCKET}/week/"


def test_good_data_passes_in_one_file_and_in_several(data: Data) -> None:
    assert data.checked(data.planned(data.delivered(GOOD, GOOD))) == NOTHING
    assert data.checked(data.planned(f"{FOLDER}part-0.csv")) == NOTHING


def test_all_findings_are_told_at_once_with_file_and_line(data: Data) -> None:
    data.delivered(GOOD, GOOD.replace("1599000001", "1599000001000"))
    data.put("week/_SUCCESS", b"")
    missing = f"s3://{BUCKET}/items/"
    verdict = data.checked(data.planned(FOLDER), data.planned(missing, row_prefix="items_"))
    assert verdict["warning"] == ""
    assert verdict["refusal"] == (
        f"{FOLDER}_SUCCESS is no CSV file of this dataset, and Personalize reads every file of the "
        f"folder; delete it, or write it elsewhere. {FOLDER}part-1.csv line 3: TIMESTAMP is in "
        f"milliseconds (13 digits); write seconds since 1970. {missing} has no files; correct the "
        "location, or deliver data there."
    )


def test_folders_within_the_folder_are_not_read_and_named_if_nothing_else_is_there(
    data: Data,
) -> None:
    data.delivered(GOOD, folder="week/dt=2020-10-05/")
    data.put("week/", b"")  # as the console makes a folder
    assert data.checked(data.planned(FOLDER))["refusal"] == (
        f"{FOLDER} has no files but in folders, such as {FOLDER}dt=2020-10-05/, which are not "
        "read; correct the location, or deliver data there."
    )
    data.put("week/part-0.csv", GOOD)
    assert data.checked(data.planned(FOLDER)) == NOTHING


def test_one_file_is_not_taken_for_another_whose_name_begins_like_it(data: Data) -> None:
    data.delivered(GOOD)
    data.put("week/part-0.csv.gz", b"\x1f\x8b\x08")
    assert data.checked(data.planned(f"{FOLDER}part-0.csv")) == NOTHING
    verdict = data.checked(data.planned(f"{FOLDER}part"))
    assert verdict["refusal"].startswith(f"{FOLDER}part has no files; ")


def test_a_bucket_that_does_not_exist_is_told(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_files, "s3", data.client("s3"))
    assert data.checked(data.planned("s3://no-such-bucket/week/"))["refusal"] == (
        "s3://no-such-bucket/week/ is in a bucket that does not exist; correct the location, or "
        "make it."
    )


def test_what_may_not_be_listed_or_read_is_a_warning_since_personalize_has_a_role_of_its_own(
    data: Data,
) -> None:
    data.delivered(GOOD, folder="secret/")
    verdict = data.checked(
        data.planned(f"s3://{BUCKET}/secret/"),
        data.planned("s3://other-bucket/week/", row_prefix="items_"),
    )
    assert verdict == {
        "refusal": "",
        "no_new_data": "",
        "warning": f"s3://{BUCKET}/secret/part-0.csv could not be read (AccessDenied) and is not "
        "checked. Allow this task s3:GetObject and, for a key of KMS, kms:Decrypt. "
        "s3://other-bucket/week/ could not be listed (AccessDenied), so that nothing about its "
        "files is checked; allow this task s3:ListBucket.",
    }


def test_an_archived_file_is_refused_until_it_is_restored(data: Data) -> None:
    s3 = data.client("s3")
    s3.put_object(Bucket=BUCKET, Key="week/a.csv", Body=GOOD, StorageClass="DEEP_ARCHIVE")
    assert data.checked(data.planned(FOLDER))["refusal"] == (
        f"{FOLDER}a.csv is archived (such as in S3 Glacier) and cannot be read; restore it."
    )


def test_a_dataset_that_does_not_exist_is_told_with_the_command_that_makes_it(data: Data) -> None:
    arn = data.arn("dataset/shop/ITEMS")
    verdict = data.checked(data.planned(data.delivered(GOOD), dataset_arn=arn))
    assert verdict["refusal"] == (
        f"Dataset {arn} does not exist. Create it: aws personalize create-dataset --dataset-type "
        "ITEMS --dataset-group-arn <the ARN of shop> --schema-arn <schema> --name <name>."
    )


def test_data_that_is_not_newer_than_the_last_import_ends_the_refresh_or_is_a_warning(
    data: Data,
) -> None:
    location = data.delivered("this is not even read")
    data.ran(20200928, data.cloud.clock.time())
    why = (
        f"There is no new data. The newest file of {location} is of {shown(data)}, and its last "
        f"import was created at {shown(data)}."
    )
    assert data.checked(data.planned(location)) == {**NOTHING, "no_new_data": why}
    data.delivered(GOOD)
    going_on = data.checked(data.planned(location), no_new_data="go_on")
    assert going_on == {**NOTHING, "warning": why}


def shown(data: Data) -> str:
    return f"{datetime.fromtimestamp(int(data.cloud.clock.time()), UTC):%Y-%m-%d %H:%M:%S} UTC"


def test_one_dataset_with_a_newer_file_or_without_an_import_before_is_new_data(data: Data) -> None:
    location = data.delivered(GOOD)
    data.ran(20200928, data.cloud.clock.time())
    items = data.planned(location, row_prefix="items_")
    assert data.checked(data.planned(location), items) == NOTHING
    data.wait(1)
    data.put("week/part-1.csv", GOOD)
    assert data.checked(data.planned(location)) == NOTHING


def test_the_last_of_several_runs_counts(data: Data) -> None:
    location = data.delivered(GOOD)
    data.ran(20200921, 1)
    data.ran(20200928, data.cloud.clock.time())
    assert data.checked(data.planned(location))["no_new_data"]


def test_runs_of_later_dates_are_not_the_last_run(data: Data) -> None:
    location = data.delivered(GOOD)
    data.ran(20201012, data.cloud.clock.time())
    assert data.checked(data.planned(location)) == NOTHING


def test_a_dataset_whose_import_the_run_has_begun_is_not_checked(data: Data) -> None:
    data.ran(20200928, data.cloud.clock.time())
    mine: Any = {
        "refresh_status": {"S": "RUNNING"},
        "items_dataset_import_job_arn": {"S": "arn"},
    }
    data.ran(20201005, data.cloud.clock.time(), key="aaaaaaaa", **mine)
    location = data.delivered(GOOD)
    broken = data.planned(f"s3://{BUCKET}/nothing/", row_prefix="items_")
    assert data.checked(broken, data.planned(location)) == NOTHING


def test_files_much_smaller_than_last_time_are_refused_if_the_mode_was_the_same(data: Data) -> None:
    location = data.delivered(GOOD)
    size: Any = {"dataset_import_job_bytes": {"N": str(100 * KIB)}}
    data.ran(20200928, 1, **size)
    verdict = data.checked(data.planned(location), smallest_share=0.5)
    assert verdict["refusal"] == (
        f"{location} has {len(GOOD) / KIB:.1f} KiB, less than 50% of the 100.0 KiB of the last "
        "run; see whether the Glue job has delivered everything, or set smallest_share."
    )
    for share in (0.0, len(GOOD) / KIB / 100 - 0.01):
        assert data.checked(data.planned(location), smallest_share=share) == NOTHING
    incremental = data.planned(location, "INCREMENTAL")
    assert data.checked(incremental, smallest_share=0.5) == NOTHING


def test_a_large_file_costs_one_read_of_its_head(
    data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_data, "LARGEST_HEAD", 16 * KIB)
    location = data.delivered(GOOD + "broken\n")
    assert len(GOOD) > 16 * KIB
    asked: list[Any] = []
    monkeypatch.setattr(data_files, "s3", Recorded(data_files.s3, asked))
    assert data.checked(data.planned(location)) == NOTHING
    assert asked == [{"Bucket": BUCKET, "Key": "week/part-0.csv", "Range": "bytes=0-16383"}]


class Recorded:
    """An S3 client that notes what is got."""

    def __init__(self, client: Any, asked: list[Any]) -> None:
        self._client = client
        self._asked = asked

    def get_paginator(self, name: str) -> Any:
        return self._client.get_paginator(name)

    def get_object(self, **request: Any) -> Any:
        self._asked.append(request)
        return self._client.get_object(**request)


def test_of_very_many_files_the_first_are_checked_and_the_rest_is_told(
    data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_data, "MOST_FILES", 2)
    location = data.delivered(GOOD, GOOD, "not checked")
    assert data.checked(data.planned(location)) == {
        **NOTHING,
        "warning": f"{location} has 3 files, of which the first 2 were checked; write fewer and "
        "larger ones.",
    }


@pytest.mark.parametrize(
    ("mode", "kind", "gib", "refused"),
    [
        ("INCREMENTAL", "INTERACTIONS", 1.1, True),
        ("FULL", "INTERACTIONS", 99, None),
        ("FULL", "ITEMS", 101, True),
        ("FULL", "INTERACTIONS", 101, False),  # the quota can be raised
        ("FULL", "INTERACTIONS", 1025, True),
    ],
)
def test_more_than_an_import_takes_is_refused(
    data: Data, mode: str, kind: str, gib: float, refused: bool | None
) -> None:
    planned = data.planned(FOLDER, mode, dataset_arn=f"arn:dataset/shop/{kind}")
    file = data_files.DataFile(BUCKET, "week/a.csv", int(gib * 2**30), datetime.now(UTC))
    location = check_data.Location(planned, [file], [])
    past = past_imports.PastImports({}, set())
    preflight: Any = {"no_new_data": "end", "smallest_share": 0}
    found = list(check_data.size_findings(location, past, preflight))
    assert [finding.refused for finding in found] == ([] if refused is None else [refused])


def test_the_future_begins_a_day_from_now_or_three_after_the_runs_date_began() -> None:
    date = datetime(2020, 10, 5, tzinfo=UTC).timestamp()
    assert check_data.future_from(20201005, now=0) == date + 3 * 86_400
    assert check_data.future_from(20201005, now=date * 2) == date * 2 + 86_400


@pytest.mark.parametrize(
    ("code", "status"), [("SlowDown", 503), ("InternalError", 500), ("ThrottlingException", 400)]
)
def test_what_passes_with_time_is_repeated_by_the_workflow(
    data: Data, monkeypatch: pytest.MonkeyPatch, code: str, status: int
) -> None:
    location = data.delivered(GOOD)
    response: Any = {
        "Error": {"Code": code, "Message": "…"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }

    def busy(*_: Any) -> Any:
        raise ClientError(response, "GetObject")

    for task in ("read_head", "list_files"):
        with monkeypatch.context() as patched:
            patched.setattr(check_data, task, busy)
            with pytest.raises(RetryLater):
                data.checked(data.planned(location))
