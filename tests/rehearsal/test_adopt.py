"""`ops adopt` against the rehearsal's shop: the file that it writes is the one that it has."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.__main__ import main
from rehearsal.shop import MINUTE, Shop
from stacks.load import load
from tests.conftest import ROOT
from tests.rehearsal.conftest import Kept, OpenShop
from tests.rehearsal.ops_commands import refusal
from tests.rehearsal.refreshes import JOB

BUCKET = "brandi-personalize-prod"


@pytest.fixture
def shop(open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shop:
    monkeypatch.setenv("ENVIRONMENTS", str(tmp_path))
    return open_shop("prod")


@pytest.fixture
def changed(
    open_shop: OpenShop, kept: Kept, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Shop]:
    """A shop that the test may change for good."""
    monkeypatch.setenv("ENVIRONMENTS", str(tmp_path))
    yield open_shop("prod", new=True)
    kept.close()


def adopted(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 1) -> Any:
    """Adopt as prod; return the JSON object."""
    capsys.readouterr()
    ended = main(["adopt", "prod", *arguments, "--json"])
    printed = capsys.readouterr()
    assert ended == status, printed.err
    return json.loads(printed.out)


def notes(found: Any, level: str) -> list[str]:
    return [note["what"] for note in found["notes"] if note["level"] == level]


def test_the_adopted_file_of_the_shop_is_prod(
    shop: Shop, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shop.succeed()
    shop.settle()
    found = adopted(capsys, "--glue-job", JOB, "--time-zone", "Asia/Seoul", status=0)
    assert {note["level"] for note in found["notes"]} <= {"NOTE"}
    written, prod = load(tmp_path)["prod"], load(ROOT / "environments")["prod"]
    said = {"account", "region", "time_zone", "import_role"}
    assert written.model_dump(include=said) == prod.model_dump(include=said)
    assert written.table.name == prod.table.name
    (mine,), (theirs,) = written.refreshes, prod.refreshes
    assert (mine.glue_job, mine.datasets) == (theirs.glue_job, theirs.datasets)
    no_alarm = [each.model_copy(update={"fresh_within_hours": None}) for each in theirs.campaigns]
    assert mine.campaigns == no_alarm


def test_the_unknown_glue_job_stands_out_with_the_line_of_the_file(
    shop: Shop, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert shop
    found = adopted(capsys)
    (note,) = [note for note in found["notes"] if note["level"] == "FILL IN"]
    assert f"the account has {JOB}" in note["what"]
    lines = (tmp_path / "prod.yaml").read_text("utf-8").splitlines()
    assert lines[note["line"] - 1] == "    glue_job: PUT-THE-GLUE-JOB-HERE"
    assert lines[note["line"] - 2].strip().startswith("#   write the job's name here")
    assert any(line.strip().startswith("# FILL IN: no AWS service records") for line in lines)
    capsys.readouterr()
    assert main(["adopt", "prod", "--force"]) == 1
    printed = capsys.readouterr().out
    assert f"FILL IN  {tmp_path}/prod.yaml:{note['line']}  " in printed
    assert printed.endswith("Next: python -m ops doctor --environment prod\n")


def test_a_job_that_names_the_bucket_is_the_likely_one(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.cloud.client("glue").create_job(
        Name="deliver",
        Role="glue",
        Command={"Name": "glueetl"},
        DefaultArguments={"--target": f"s3://{BUCKET}/interactions/"},
    )
    (what,) = notes(adopted(capsys), "FILL IN")
    assert what.endswith("; deliver names the data's bucket in its arguments")
    shop.cloud.client("glue").delete_job(JobName="deliver")
    (what,) = notes(adopted(capsys, "--force", "--glue-job", "nobody"), "FILL IN")
    assert what == "there is no Glue job nobody in ap-northeast-1"


def test_the_old_import_role_is_kept_on_request(
    shop: Shop, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shop.cloud.client("personalize").create_dataset_import_job(
        jobName="by-hand",
        datasetArn=shop.settings["refreshes"][0]["datasets"][0]["dataset_arn"],
        dataSource={"dataLocation": f"s3://{BUCKET}/interactions/"},
        roleArn="arn:aws:iam::111122223333:role/marketplace-before-the-rehearsal",
    )
    shop.settle()
    role = "arn:aws:iam::111122223333:role/marketplace-before-the-rehearsal"
    (note,) = (n for n in adopted(capsys)["notes"] if n["where"] == "import_role")
    assert role in note["what"]
    adopted(capsys, "--force", "--keep-import-role")
    assert load(tmp_path)["prod"].import_role.arn == role


def test_what_must_change_in_the_account_is_said_with_its_command(
    changed: Shop, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shop = changed
    api, (campaign,) = shop.cloud.client("personalize"), shop.campaigns
    solution = campaign["solution_arn"]
    group = api.describe_solution(solutionArn=solution)["solution"]["datasetGroupArn"]
    api.update_solution(solutionArn=solution, performAutoTraining=True)
    api.create_solution(
        name="unused",
        datasetGroupArn=group,
        recipeArn="arn:aws:personalize:::recipe/aws-sims",
        performAutoTraining=False,
    )
    api.create_dataset_group(name="empty")
    shop.later(5 * MINUTE)
    api.update_campaign(
        campaignArn=campaign["campaign_arn"],
        solutionVersionArn=f"{solution}/$LATEST",
        campaignConfig={"syncWithLatestSolutionVersion": True},
    )
    shop.later(20 * MINUTE)
    dated = f"s3://{BUCKET}/2020-09-28/"
    shop.cloud.client("s3").copy_object(
        Bucket=BUCKET,
        Key="2020-09-28/interactions.csv",
        CopySource={"Bucket": BUCKET, "Key": _first_key(shop)},
    )
    api.create_dataset_import_job(
        jobName="dated",
        datasetArn=shop.settings["refreshes"][0]["datasets"][0]["dataset_arn"],
        dataSource={"dataLocation": dated},
        roleArn="arn:aws:iam::111122223333:role/marketplace-before-the-rehearsal",
    )
    shop.settle()
    found = adopted(capsys, "--glue-job", JOB)
    changes = [note for note in found["notes"] if note["level"] == "CHANGE"]
    assert [("$LATEST" in n["what"], "performAutoTraining" in n["what"]) for n in changes] == [
        (True, False),
        (False, True),
    ]
    assert all("aws personalize update-" in note["do"] for note in changes)
    unused, empty = (note for note in found["notes"] if note["level"] == "NOT ADOPTED")
    assert unused["where"].endswith(":solution/unused")
    assert "aws personalize create-campaign --name unused" in unused["do"]
    assert empty["what"] == "the dataset group has no campaign"
    (doubt,) = notes(found, "FILL IN")
    assert f"the one before from s3://{BUCKET}/interactions/" in doubt
    text = (tmp_path / "prod.yaml").read_text("utf-8")
    for note in found["notes"]:
        assert note["do"] in text or "aws" not in note["do"], "commands stay in one line"
    (dataset,) = load(tmp_path)["prod"].datasets
    assert dataset.location == dated
    adopted(capsys, "--force", "--location", f"INTERACTIONS=s3://{BUCKET}/new/",
            "--dataset-group", "brandi-dataset-group-prod")  # fmt: skip
    (dataset,) = load(tmp_path)["prod"].datasets
    assert dataset.location == f"s3://{BUCKET}/new/"
    key = "arn:aws:kms:ap-northeast-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    for named, level in ((key, None), ("alias/shop", "FILL IN")):
        encrypted = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": named}
        shop.cloud.client("s3").put_bucket_encryption(
            Bucket=BUCKET,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": encrypted}]
            },
        )
        found = adopted(capsys, "--force", "--glue-job", JOB)
        assert found["settings"]["import_role"].get("bucket_keys") == (None if level else [key])
        said = [note["what"] for note in found["notes"] if note["where"] == "import_role"]
        assert any(f"encrypted with {named}" in what for what in said) is (level is not None)
    line = refusal(capsys, "adopt", "other", "--location", f"ITEMS=s3://{BUCKET}/items/")
    assert line.endswith("and there are brandi-dataset-group-prod, empty; add --dataset-group")
    assert main(["adopt", "other", "--dataset-group", "empty"]) == 2
    first, reason = capsys.readouterr().err.splitlines()
    assert first == "ops: nothing was written: nothing could be refreshed"
    assert reason.endswith(
        ":dataset-group/empty: the dataset group has no campaign; create one (see its solutions), "
        "and run this again"
    )


def _first_key(shop: Shop) -> str:
    contents = shop.cloud.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    return str(next(each["Key"] for each in contents if each["Key"].endswith(".csv")))


def test_a_file_that_other_commands_could_not_read_is_not_written(
    shop: Shop, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert shop
    prod = (ROOT / "environments" / "prod.yaml").read_text("utf-8")
    (tmp_path / "shop.yaml").write_text(prod)
    assert main(["adopt", "prod", "--glue-job", JOB]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"ops: nothing was written; {tmp_path}/prod.yaml would have 3 problems:")
    assert "campaign 'brandi-hrnn-campaign-v2' is in " in said
    assert not (tmp_path / "prod.yaml").exists()


def test_a_file_that_exists_is_kept(
    shop: Shop, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert shop
    (tmp_path / "prod.yaml").write_text("mine\n")
    line = refusal(capsys, "adopt", "prod")
    assert line == (
        f"ops: {tmp_path}/prod.yaml exists; add --force to overwrite it, or choose another --output"
    )
    assert (tmp_path / "prod.yaml").read_text() == "mine\n"


def test_what_the_account_does_not_have_is_refused_in_one_sentence(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shop
    for option, value, said in (
        ("--dataset-group", "nobodys", "there is no dataset group nobodys; ap-northeast-1 has "),
        ("--region", "us-east-1", "there is no dataset group in us-east-1: nothing to adopt"),
        ("--location", "ITEMS=s3://a-bucket/x/", "has no dataset ITEMS; create it, or leave"),
    ):
        assert said in refusal(capsys, "adopt", "prod", option, value)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--region", "eu-north-1", "Amazon Personalize is not in a region 'eu-north-1'"),
        ("--location", "ITEM=s3://a-bucket/", "--location ITEM=s3://a-bucket/ must begin with"),
        ("--location", "ITEMS=s3://bucket", "--location ITEMS=s3://bucket must end with a"),
        ("--bucket", "a-bucket", "--bucket can only be used with --from-parameters"),
        ("--output", "other.yaml", "other.yaml is not the file of an environment prod"),
        ("--output", "nowhere/prod.yaml", "nowhere is not a folder; create it"),
    ],
)
def test_a_request_that_means_nothing_is_refused_in_one_sentence(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    option: str,
    value: str,
    said: str,
) -> None:
    monkeypatch.setenv("ENVIRONMENTS", str(tmp_path))
    assert said in refusal(capsys, "adopt", "prod", option, value)


def test_the_place_of_a_parameter_file_is_looked_up_in_the_bucket(
    shop: Shop, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    names: dict[str, Any] = {"dataset": {"serviceConfig": {"name": "any"}}}
    served = {"serviceConfig": {"name": "home"}}
    given = {
        "datasetGroup": {"serviceConfig": {"name": "music"}},
        "datasets": {"interactions": names, "items": names, "users": names},
        "solutions": [{"serviceConfig": {"name": "for-you"}, "campaigns": [served]}],
    }
    (tmp_path / "config.json").write_text(json.dumps(given))
    for key in ("interactions/part.csv", "interactions.csv", "items.csv", "users/part.parquet"):
        shop.cloud.client("s3").put_object(Bucket=BUCKET, Key=f"train/music/{key}", Body=b"")
    command = ("--from-parameters", f"{tmp_path}/config.json", "--glue-job", JOB, "--bucket")
    found = adopted(capsys, *command, BUCKET)
    folder = f"s3://{BUCKET}/train/music"
    (refresh,) = found["settings"]["refreshes"]
    places = [dataset["location"] for dataset in refresh["datasets"]]
    assert places == [f"{folder}/interactions/", f"{folder}/items.csv", f"{folder}/users/"]
    (note,) = [note for note in found["notes"] if note["level"] == "FILL IN"]
    assert note["where"] == "refreshes[0].datasets[2].location"
    assert note["what"].endswith(f"the file {folder}/users.csv: neither is there")
    unknown = notes(adopted(capsys, *command, "no-such-bucket", "--force"), "FILL IN")
    assert len([what for what in unknown if "(NoSuchBucket)" in what]) == 4


@pytest.fixture
def reader(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Let a role with the permissions of the document run the command; yield IAM."""
    document = (ROOT / "docs" / "coming-from-aws-solution.md").read_text("utf-8")
    policy = document.split('```json\n{\n  "Version"')[1].split("```")[0]
    iam, root = shop.cloud.client("iam"), {"AWS": "arn:aws:iam::111122223333:root"}
    trust = {"Effect": "Allow", "Principal": root, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName="reader",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    iam.put_role_policy(
        RoleName="reader", PolicyName="reads", PolicyDocument='{\n  "Version"' + policy
    )
    given = shop.cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", given["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", given["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", given["SessionToken"])
    yield iam
    iam.delete_role_policy(RoleName="reader", PolicyName="reads")


def test_it_needs_the_permissions_of_the_document_and_no_others(
    shop: Shop, reader: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (what,) = notes(adopted(capsys), "FILL IN")
    assert "the account has" in what
    calls = [call for call in shop.cloud.calls if call.caller == "reader"]
    assert all(call.allowed for call in calls)
    only = {"Effect": "Allow", "Action": ["personalize:Describe*", "personalize:List*"]}
    reader.put_role_policy(
        RoleName="reader",
        PolicyName="reads",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{**only, "Resource": "*"}]}
        ),
    )
    found = notes(adopted(capsys, "--force"), "FILL IN")
    assert [("could not be listed" in what, "encrypts the bucket" in what) for what in found] == [
        (True, False),
        (False, True),
    ]
