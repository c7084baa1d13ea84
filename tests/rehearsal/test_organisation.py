"""What an organisation has made beside the stack: a boundary, KMS keys, a role; and where."""

import json
from pathlib import Path

import pytest

from tests.rehearsal.command_line import rehearse
from tests.rehearsal.conftest import Kept, OpenShop
from tests.rehearsal.refreshes import only_row
from tests.slow import slow_but

BUCKET_KEY = "arn:aws:kms:eu-central-1:444455556666:key/66666666-7777-8888-9999-000000000000"
BOUNDARY = "arn:aws:iam::555566667777:policy/workload-boundary"


@pytest.mark.parametrize(
    ("environment", "said"),
    slow_but(
        [
            (
                "guarded",
                "The permissions boundary workload-boundary allows everything here: "
                "see that yours allows enough.",
            ),
            (
                "existing",
                "The import role arn:aws:iam::555566667777:role/data/import may read the datasets' "
                "buckets here: see that yours may.",
            ),
            ("china", "Deploying PersonalizeRefresh-china …"),
        ]
    ),
)
def test_the_command_rehearses_every_environment(
    kept: Kept, variants: Path, environment: str, said: str
) -> None:
    kept.close()  # this process has one cloud at a time
    done = rehearse("--assembly", str(variants), "--environment", environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert said in done.stdout.splitlines()
    assert done.stdout.endswith("COMPLETE: every campaign serves its new solution version.\n")


def test_an_import_fails_if_the_key_of_the_bucket_does_not_allow_personalize(
    open_shop: OpenShop,
) -> None:
    shop = open_shop("guarded", new=True)
    account = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{shop.cloud.account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    shop.cloud.add_key(BUCKET_KEY, {"Version": "2012-10-17", "Statement": [account]})
    shop.succeed()
    reason = only_row(shop.result())["failure_reason"]
    assert reason.startswith("ImportFailed: ")
    assert "Insufficient privileges for accessing data in Amazon S3." in reason


def test_a_refresh_fails_if_the_boundary_does_not_allow_what_it_does(open_shop: OpenShop) -> None:
    shop = open_shop("guarded", new=True)
    statements = [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "personalize:CreateSolutionVersion", "Resource": "*"},
    ]
    shop.cloud.client("iam").create_policy_version(
        PolicyArn=BOUNDARY,
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
        SetAsDefault=True,
    )
    shop.succeed()
    reason = only_row(shop.result())["failure_reason"]
    assert reason.startswith("TrainingFailed: ")
    assert "not authorized to perform: personalize:CreateSolutionVersion" in reason
