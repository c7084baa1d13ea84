"""What becomes of a parameter file of AWS's Solution: everything in it is mapped or named."""

import json
from pathlib import Path
from typing import Any

import pytest

from ops.__main__ import main
from ops.adopt.parameters import draft_of
from ops.deployment import Refusal
from stacks.load import load

FULL = {"training_mode": "FULL"}
RECIPE = "arn:aws:personalize:::recipe"


def parameters() -> dict[str, Any]:
    """A music shop's file with all that the Solution takes."""
    return {
        "tags": [{"tagKey": "team", "tagValue": "music"}],
        "datasetGroup": {
            "serviceConfig": {"name": "music"},
            "workflowConfig": {"schedules": {"import": "cron(0 1 * * ? *)"}, "maxAge": "1 day"},
        },
        "datasets": {
            "serviceConfig": {"importMode": "FULL", "publishAttributionMetricsToS3": True},
            "interactions": {
                "dataset": {"serviceConfig": {"name": "plays"}},
                "schema": {"serviceConfig": {"name": "plays", "schema": {"type": "record"}}},
            },
            "items": {
                "dataset": {"serviceConfig": {"name": "songs"}},
                "schema": {"serviceConfig": {"name": "songs", "schema": {"type": "record"}}},
            },
        },
        "solutions": [
            {
                "serviceConfig": {
                    "name": "for-you",
                    "recipeArn": f"{RECIPE}/aws-user-personalization",
                    "performHPO": False,
                },
                "workflowConfig": {
                    "schedules": {"full": "cron(0 2 ? * 1 *)", "update": "cron(0 3 * * ? *)"}
                },
                "campaigns": [
                    {"serviceConfig": {"name": "home", "minProvisionedTPS": 2}},
                    {"serviceConfig": {"name": "mail", "minProvisionedTPS": 1}},
                ],
                "batchInferenceJobs": [
                    {"serviceConfig": {}, "workflowConfig": {"schedule": "cron(0 4 * * ? *)"}}
                ],
            },
            {
                "serviceConfig": {
                    "name": "alike",
                    "recipeArn": f"{RECIPE}/aws-similar-items",
                    "performAutoML": False,
                    "solutionVersion": {"trainingMode": "FULL"},
                },
                "campaigns": [{"serviceConfig": {"name": "song-page", "minProvisionedTPS": 1}}],
            },
            {
                "serviceConfig": {"name": "fans", "recipeArn": f"{RECIPE}/aws-item-affinity"},
                "batchSegmentJobs": [{"serviceConfig": {}}],
            },
        ],
        "recommenders": [{"serviceConfig": {"name": "top", "recipeArn": f"{RECIPE}/aws-ecomm"}}],
        "eventTracker": {"serviceConfig": {"name": "tracker"}},
        "filters": [{"serviceConfig": {"name": "unheard", "filterExpression": "INCLUDE …"}}],
    }


def place_of(group: str, kind: str) -> str:
    return f"s3://bucket/train/{group}/{kind.lower()}/"


def refused(text: str) -> list[str]:
    with pytest.raises(Refusal) as caught:
        draft_of(text, "config.json", place_of)
    return str(caught.value).splitlines()


def test_what_has_a_counterpart_is_in_the_refresh() -> None:
    (refresh,) = draft_of(json.dumps(parameters()), "config.json", place_of).refreshes
    assert refresh["name"] == "music"
    assert [(d["type"], d["location"], d["import_mode"]) for d in refresh["datasets"]] == [
        ("INTERACTIONS", "s3://bucket/train/music/interactions/", "FULL"),
        ("ITEMS", "s3://bucket/train/music/items/", "FULL"),
    ]
    assert refresh["campaigns"] == [
        {**FULL, "name": "home", "solution": "for-you", "fresh_within_hours": 192},
        {**FULL, "name": "mail", "solution": "for-you", "fresh_within_hours": 192},
        {**FULL, "name": "song-page", "solution": "alike"},
    ]


def test_what_has_none_is_named_by_its_place_with_what_to_do() -> None:
    draft = draft_of(json.dumps(parameters()), "config.json", place_of)
    named = {note["where"]: note["level"] for note in draft.notes}
    assert named == {
        "datasets.serviceConfig.publishAttributionMetricsToS3": "NOT ADOPTED",
        "solutions[0].workflowConfig.schedules.full": "NOT ADOPTED",
        "solutions[0].workflowConfig.schedules.update": "NOT ADOPTED",
        "solutions[0].batchInferenceJobs[0]": "NOT ADOPTED",
        "solutions[2]": "NOT ADOPTED",
        "solutions[2].batchSegmentJobs[0]": "NOT ADOPTED",
        "datasetGroup.workflowConfig.schedules.import": "NOT ADOPTED",
        "recommenders[0]": "NOT ADOPTED",
        "filters[0]": "NOTE",
        "eventTracker": "NOTE",
        "tags": "NOTE",
    }
    assert all(note["what"] and note["do"] for note in draft.notes)
    words = " ".join(note["what"] for note in draft.notes)
    assert "imported every day at 01:00 UTC" in words
    assert "for-you was trained every week, on Sunday at 02:00 UTC" in words
    assert "UPDATE trainings every day at 03:00 UTC" in words


def test_an_incremental_import_is_one_here_too() -> None:
    given = parameters()
    given["datasets"]["serviceConfig"]["importMode"] = "INCREMENTAL"
    (refresh,) = draft_of(json.dumps(given), "config.json", place_of).refreshes
    assert {dataset["import_mode"] for dataset in refresh["datasets"]} == {"INCREMENTAL"}


def test_a_key_that_the_solution_does_not_know_is_named() -> None:
    given = parameters()
    given["solutions"][1]["campaignz"] = []
    given["filter"] = []
    notes = draft_of(json.dumps(given), "config.json", place_of).notes
    unknown = [note["where"] for note in notes if "no such key" in note["what"]]
    assert unknown == ["solutions[1].campaignz", "filter"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"datasetGroup": {', "config.json, line 1, column 19: is not valid JSON: "),
        ('{\n  "datasetGroup": {},\n}', "config.json, line "),
        ("[]", "config.json: the file must be an object, not []"),
        ("{}", "config.json: has no datasetGroup, so that it is not a parameter file"),
        ("[" * 100_000, "config.json: is nested too deeply"),
    ],
)
def test_what_is_no_parameter_file_is_refused_with_the_place(text: str, said: str) -> None:
    assert said in refused(text)[-1]


def test_every_wrong_shape_is_named_at_once() -> None:
    given = parameters()
    given["datasetGroup"]["serviceConfig"] = {}
    given["datasets"]["items"] = "items.csv"
    given["solutions"][0]["campaigns"] = {"name": "home"}
    given["solutions"][1]["serviceConfig"]["name"] = 7
    given["solutions"][2] = None
    given["filters"] = ["unheard"]
    assert refused(json.dumps(given)) == [
        "6 problems in the parameter file:",
        "config.json: datasetGroup.serviceConfig.name is missing",
        'config.json: datasets.items must be an object, not "items.csv"',
        'config.json: solutions[0].campaigns must be a list, not {"name": "home"}',
        "config.json: solutions[1].serviceConfig.name must be a text, not 7",
        "config.json: solutions[2] must be an object, not null",
        'config.json: filters[0] must be an object, not "unheard"',
    ]


@pytest.mark.parametrize(
    ("without", "said"),
    [
        ("solutions", "solutions: none has a campaign, so that there is nothing to refresh"),
        ("datasets", "datasets: has no interactions, items or users: nothing to import"),
    ],
)
def test_a_file_with_nothing_to_refresh_is_refused(without: str, said: str) -> None:
    given = parameters()
    del given[without]
    assert refused(json.dumps(given))[1:] == [f"config.json: {said}"]


def test_the_written_file_is_read_without_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environments = tmp_path / "environments"
    environments.mkdir()
    monkeypatch.setenv("ENVIRONMENTS", str(environments))
    given = parameters()
    given["solutions"][0]["campaigns"][0]["serviceConfig"]["name"] = "on"
    given["solutions"][0]["campaigns"][1]["serviceConfig"]["name"] = "2020-09-28"
    (tmp_path / "config.json").write_text("\ufeff" + json.dumps(given), "utf-8")
    command = ["adopt", "music", "--from-parameters", str(tmp_path / "config.json"),
               "--account", "111122223333", "--region", "us-east-1"]  # fmt: skip
    (environments / "other.yaml").write_text("account: 1\n")  # whose problems are its own
    assert main(command) == 2
    assert capsys.readouterr().err.count("its place in S3 is not in the file; give --bucket") == 2
    assert main([*command, "--bucket", "shop", "--location", "ITEMS=s3://other/songs.csv"]) == 1
    printed = capsys.readouterr().out
    assert printed.startswith(
        f"Wrote {environments}/music.yaml: 1 refresh, 2 datasets, 3 campaigns"
    )
    (environments / "other.yaml").unlink()
    written = load(environments)["music"]
    assert [campaign.name for campaign in written.campaigns] == ["on", "2020-09-28", "song-page"]
    assert [dataset.location for dataset in written.datasets] == [
        "s3://shop/train/music/interactions/",
        "s3://other/songs.csv",
    ]
    assert written.import_role.buckets == ["shop", "other"]
    text = (environments / "music.yaml").read_text("utf-8")
    commented = [line for line in text.splitlines() if line.lstrip().startswith("#")]
    assert all(len(line) <= 100 or "aws " in line or "python -m" in line for line in commented)


def test_an_invalid_name_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENVIRONMENTS", str(tmp_path))
    given = parameters()
    given["solutions"][1]["campaigns"][0]["serviceConfig"]["name"] = "song page"
    (tmp_path / "config.json").write_text(json.dumps(given))
    command = ["adopt", "Music", "--from-parameters", str(tmp_path / "config.json"), "--bucket",
               "shop", "--account", "111122223333", "--region", "us-east-1"]  # fmt: skip
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "would have 2 problems" in said
    assert "an environment's name is part of its stack's name" in said
    assert "refreshes[0].campaigns[2].name: 'song page' does not have the form" in said
    assert not (tmp_path / "Music.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--account", "1111"], "--account 1111 is not an account: write its twelve digits"),
        (["--dataset-group", "a"], "--dataset-group means nothing with --from-parameters"),
    ],
)
def test_options_that_contradict_are_refused(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = ["--output", str(tmp_path / "music.yaml")]
    assert main(["adopt", "music", "--from-parameters", "none.json", *arguments, *output]) == 2
    assert said in capsys.readouterr().err
