"""Weeks that do not go as they should, each played by one command: what happens, and how it ends.

`python -m rehearsal --scenario NAME`. Their environments are in rehearsal/environments/.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from ops.__main__ import main as ops
from rehearsal.scenario_names import ENVIRONMENTS, NAMES
from rehearsal.shop import DAY, MINUTE, Shop
from rehearsal.weekly_files import WeeklyFiles

Row = dict[str, Any]


class NotAsItShould(Exception):
    """A scenario has ended otherwise than it says; the text says how."""


@dataclass
class Stage:
    """A shop in which a scenario is played, and what is said of it."""

    shop: Shop
    environment: str
    folder: Path
    say: Callable[[str], object]
    ended: list[str] = field(default_factory=list)

    @property
    def campaign(self) -> str:
        """The name of the environment's only campaign."""
        (only,) = self.shop.campaigns
        return str(only["campaign_name"])

    def deliver(self, words: str, files: WeeklyFiles | None = None) -> None:
        """Let the Glue job write these files, or the week's own, and succeed."""
        self.say(f"• {words}")
        self.shop.this_week = files or self.shop.this_week
        self.shop.deliver()

    def succeed_without_files(self, words: str) -> None:
        """Let the Glue job succeed without having written anything."""
        self.say(f"• {words}")
        self.shop.began = int(self.shop.cloud.clock.time())
        self.shop.end_glue_runs()

    def week_later(self) -> None:
        """Let a week pass."""
        self.shop.settle()
        self.shop.later(7 * DAY)
        self.shop.settle()

    def until(self, status: str, words: str) -> None:
        """Let time pass until the row's campaign update has a status."""
        for _ in range(600):
            if any(row.get("campaign_update_status") == status for row in self.shop.rows()):
                self.say(f"• {words}")
                return
            self.shop.later(MINUTE)
        raise NotAsItShould(f"the campaign's update is not {status} within ten hours")

    def operate(self, *arguments: str) -> None:
        """Type a command of the operator's."""
        self.say(f"$ python -m ops {' '.join(arguments)} --environment {self.environment}")
        with self.shop.time_passing(), _environment_files(ENVIRONMENTS):
            ops([*arguments, "--environment", self.environment])

    def ends(self, status: str) -> Row:
        """Wait until all has ended; say how, and return the row, which must have this status."""
        self.shop.settle()
        (row,) = [r for r in self.shop.rows() if r["campaign_name"] == self.campaign]
        found = str(row["refresh_status"])
        self.ended.append(found)
        why = next((row[name] for name in REASONS if name in row), "")
        self.say(f"{row['base_date']}  {self.campaign}  {found}  {why}".rstrip())
        if found != status:
            raise NotAsItShould(f"it should be {status}")
        return row


REASONS = (
    "failure_reason",
    "no_new_data_reason",
    "promotion_reason",
    "recommender_retraining",
    "judgement",
)


class Scenario(NamedTuple):
    """What is played; it raises NotAsItShould."""

    what: str
    play: Callable[[Stage], None]


def broken_file(stage: Stage) -> None:
    """Deliver timestamps in milliseconds."""
    milliseconds = pl.col("TIMESTAMP").cast(pl.Int64) * 1000
    stage.deliver(
        "The Glue job has written its timestamps in milliseconds.",
        changed(stage, lambda rows: rows.with_columns(milliseconds.alias("TIMESTAMP"))),
    )
    row = stage.ends("FAILED")
    if "dataset_import_job_arn" in row:
        raise NotAsItShould("nothing should be imported")


def no_new_data(stage: Stage) -> None:
    """Let the Glue job succeed a week later without a new file."""
    stage.deliver("The Glue job has written this week's file.")
    stage.ends("COMPLETE")
    stage.week_later()
    stage.succeed_without_files("A week later it succeeds again, and has written nothing.")
    stage.ends("NO_NEW_DATA")


def worse_model(stage: Stage) -> None:
    """Deliver items that are shuffled among the customers, and promote the model all the same."""
    shuffled = pl.col("ITEM_ID").shuffle(seed=7)
    stage.deliver(
        "A faulty join in the Glue job has given every event another event's item.",
        changed(stage, lambda rows: rows.with_columns(shuffled)),
    )
    before = stage.shop.served()
    rejected = stage.ends("REJECTED")
    if stage.shop.served() != before:
        raise NotAsItShould("the campaign should serve its old version")
    stage.operate("promote", stage.campaign, "--reason", "it is only a rehearsal", "--yes")
    stage.ends("COMPLETE")
    if stage.shop.served() != rejected["solution_version_arn"]:
        raise NotAsItShould("the campaign should serve the promoted version")


def canary(stage: Stage) -> None:
    """Deliver a catalogue that is too small to fill a page."""
    known = [f"P2009-{number:04}" for number in range(1, 100, 6)]
    before = stage.shop.served()
    stage.deliver(
        "The Glue job has exported the items of one style only.",
        changed(stage, lambda rows: rows.filter(pl.col("ITEM_ID").is_in(known))),
    )
    stage.ends("ROLLED_BACK")
    if stage.shop.served() != before:
        raise NotAsItShould("the campaign should serve its old version again")


def alarm(stage: Stage) -> None:
    """Let the shop's alarm go off while it is watched."""
    before = stage.shop.served()
    stage.deliver("The Glue job has written this week's file.")
    stage.until("ACTIVE", "The campaign has moved; then customers cannot check out any more.")
    for _ in range(5):
        now = stage.shop.cloud.clock.now()
        stage.shop.cloud.client("cloudwatch").put_metric_data(
            Namespace="Shop",
            MetricData=[{"MetricName": "shop-checkout-errors", "Value": 40, "Timestamp": now}],
        )
        stage.shop.later(MINUTE)
    stage.ends("ROLLED_BACK")
    if stage.shop.served() != before:
        raise NotAsItShould("the campaign should serve its old version again")


def incremental(stage: Stage) -> None:
    """Refresh in full, and a week later with what is new."""
    stage.say("• Last week all data were imported and trained on, in full.")
    stage.deliver("This week the Glue job has written what is new, and all data beside it.")
    row = stage.ends("COMPLETE")
    for attribute in ("import_mode", "training_mode"):
        stage.say(f"  {attribute}: {row[attribute]}. {row[f'{attribute}_reason']}")
    if (row["import_mode"], row["training_mode"]) != ("INCREMENTAL", "UPDATE"):
        raise NotAsItShould("it should add to last week's")


def whole_shop(stage: Stage) -> None:
    """Import users, items and interactions side by side."""
    stage.deliver("The Glue job has written interactions, items and users.")
    row = stage.ends("COMPLETE")
    began = [row[f"{p}dataset_import_job_datetime"] for p in ("", "items_", "users_")]
    if len(set(began)) != 1:
        raise NotAsItShould("the imports should begin together")


def actions(stage: Stage) -> None:
    """Import actions, what customers did about them, and interactions with items."""
    stage.deliver("The Glue job has written interactions, actions and action interactions.")
    row = stage.ends("COMPLETE")
    stage.say(f"  recipe: {row['recipe']}")
    user = stage.shop.this_week.users()[0]
    runtime = stage.shop.cloud.client("personalize-runtime")
    arn = stage.shop.campaigns[0]["campaign_arn"]
    found = runtime.get_action_recommendations(campaignArn=arn, userId=user, numResults=3)
    for action in found["actionList"]:
        stage.say(f"  {user} takes {action['actionId']} next with a score of {action['score']:.2f}")
    if not found["actionList"]:
        raise NotAsItShould("actions should be recommended")


def recommender(stage: Stage) -> None:
    """Import for a recommender, which learns from other columns; then only import."""
    arn = stage.shop.campaigns[0]["recommender_arn"]
    stage.deliver("The Glue job has written interactions and items; a training column is left out.")
    row = stage.ends("COMPLETE")
    minutes = (row["recommender_update_ended_datetime"] - row["recommender_update_datetime"]) // 60
    stage.say(f"  Its update took {minutes} minutes.")
    describe = stage.shop.cloud.client("personalize").describe_recommender
    config = describe(recommenderArn=arn)["recommender"]["recommenderConfig"]
    if config["trainingDataConfig"] != {"excludedDatasetColumns": {"ITEMS": ["CATEGORY"]}}:
        raise NotAsItShould("it should learn from the columns of the settings")
    stage.week_later()
    stage.deliver("A week later it has written both again; the columns are as they should be.")
    if "recommender_update_status" in stage.ends("COMPLETE"):
        raise NotAsItShould("nothing should be updated")


def from_nothing(stage: Stage) -> None:
    """Start with a bucket and a Glue job, and refresh twice."""
    if before := personalize_has(stage.shop):
        raise NotAsItShould(f"there should be nothing of Personalize, not {before}")
    stage.say("• There are a bucket and a Glue job, and nothing of Personalize.")
    stage.deliver("The Glue job has written its first file.")
    row = stage.ends("COMPLETE")
    made = personalize_has(stage.shop)
    for arn in made:
        stage.say(f"  made: {arn}")
    if len(made) != len(MADE):
        raise NotAsItShould(f"there should be one of each: {', '.join(MADE)}")
    if stage.shop.served() != row["solution_version_arn"]:
        raise NotAsItShould("the campaign should serve the first version")
    stage.week_later()
    stage.deliver("A week later it has written the next one.")
    stage.ends("COMPLETE")
    if personalize_has(stage.shop) != made:
        raise NotAsItShould("the second week should make nothing but a version")


MADE = ("schemas", "dataset groups", "datasets", "solutions", "campaigns")


def personalize_has(shop: Shop) -> list[str]:
    """Return the ARNs of all that is set up in Personalize."""
    personalize = shop.cloud.client("personalize")
    found = []
    for kind in MADE:
        answer = getattr(personalize, f"list_{kind.replace(' ', '_')}")()
        (listed,) = (value for value in answer.values() if isinstance(value, list))
        found += [v for each in listed for k, v in each.items() if k == arn_of(kind)]
    return found


def arn_of(kind: str) -> str:
    """Return by which name a List operation gives the ARN of each."""
    first, *others = kind.removesuffix("s").split()
    return first + "".join(map(str.title, others)) + "Arn"


SCENARIOS = {
    "broken-file": Scenario("A broken file is refused before any import.", broken_file),
    "no-new-data": Scenario("Without new data nothing is paid for.", no_new_data),
    "worse-model": Scenario("A worse model is rejected, then promoted by hand.", worse_model),
    "canary": Scenario("A campaign that recommends too little is taken back.", canary),
    "alarm": Scenario("An alarm during the bake time takes a campaign back.", alarm),
    "incremental": Scenario("An incremental week follows one in full.", incremental),
    "whole-shop": Scenario("Users, items and interactions are imported at once.", whole_shop),
    "actions": Scenario("A campaign recommends actions instead of items.", actions),
    "recommender": Scenario("Data are imported for a recommender of a domain.", recommender),
    "from-nothing": Scenario("The first refresh makes all that is missing.", from_nothing),
}


def play(name: str, shop: Shop, folder: Path, say: Callable[[str], object]) -> list[str]:
    """Play a scenario in its shop; return how its refreshes have ended. Raises NotAsItShould."""
    stage = Stage(shop, NAMES[name], folder, say)
    say(SCENARIOS[name].what)
    SCENARIOS[name].play(stage)
    return stage.ended


def changed(stage: Stage, change: Callable[[pl.DataFrame], pl.DataFrame]) -> WeeklyFiles:
    """Return this week's files with other interactions."""
    week = stage.shop.this_week
    rows = pl.concat([pl.read_csv(f, infer_schema=False) for f in week.of("INTERACTIONS")])
    path = stage.folder / "changed.csv"
    change(rows).write_csv(path)
    return WeeklyFiles({**week.files, "INTERACTIONS": [path]}, week.schemas, week.made)


@contextmanager
def _environment_files(folder: Path) -> Iterator[None]:
    """Let the operator's command line find a folder of environment files."""
    before = os.environ.get("ENVIRONMENTS")
    os.environ["ENVIRONMENTS"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["ENVIRONMENTS"]
        else:
            os.environ["ENVIRONMENTS"] = before
