"""Failed refreshes that a person starts again: they continue where they failed."""

import shutil
from pathlib import Path

from embedded_aws import deploy
from tests.rehearsal.conftest import OpenShop
from tests.rehearsal.refreshes import ONCE, counts, only_row, refreshes


def test_a_failed_refresh_continues_when_a_person_starts_it_again(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.behaviour.planned_failures = {"solution-version": ["out of capacity"]}
    shop.succeed()
    failed = shop.result()
    assert failed["rows"][0]["refresh_status"] == "FAILED"
    assert shop.ask(refresh="weekly")["status"] == "SUCCEEDED"
    result = shop.result()
    (row,) = result["rows"]
    assert row["refresh_status"] == "COMPLETE"
    assert row["attempt"] == 2
    assert "failure_reason" not in row
    assert row["run_key"] == failed["rows"][0]["run_key"]
    assert counts(result) == {**ONCE, "solution_versions": 2}
    assert [run["status"] for run in refreshes(result)] == ["FAILED", "SUCCEEDED"]


def test_after_a_failed_import_the_next_attempt_imports_under_a_new_name(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.behaviour.planned_failures = {"dataset-import-job": ["no capacity"]}
    shop.succeed()
    failed = shop.result()
    assert only_row(failed)["failed_stage"] == "dataset import"
    shop.ask(refresh="weekly")
    result = shop.result()
    first, second = result["personalize"]["dataset_import_jobs"]
    assert second["jobName"] == f"{first['jobName']}-2"
    assert only_row(result)["attempt"] == 2
    assert counts(result) == {**ONCE, "dataset_import_jobs": 2}
    assert "failure_reason" not in only_row(result)


def test_a_refresh_continues_after_another_definition_was_deployed(
    open_shop: OpenShop, assembly: Path, tmp_path: Path
) -> None:
    shop = open_shop(new=True)
    shop.behaviour.planned_failures = {"campaign-update": ["no capacity"]}
    shop.succeed()
    assert only_row(shop.result())["failed_stage"] == "campaign update"
    changed = tmp_path / "changed"
    shutil.copytree(assembly, changed)
    template = changed / "PersonalizeRefresh-prod.template.json"
    template.write_text(template.read_text().replace("Record intent", "Note intent"))
    deploy(changed, "PersonalizeRefresh-prod", shop.cloud)
    shop.ask(refresh="weekly")
    result = shop.result()
    assert only_row(result)["refresh_status"] == "COMPLETE"
    assert "Note intent" in refreshes(result)[1]["states"]
    assert counts(result) == ONCE
    shop.cloud.stop()
