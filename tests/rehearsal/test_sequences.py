"""Random sequences of events in a shop, and what must hold after each of them.

The suite runs forty, always the same; `make faults DEEP=1` tries thousands of new ones.
"""

import os
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from rehearsal.assembly import find_stack
from rehearsal.fault_live import REFUSED
from rehearsal.fault_occasions import set_alarms
from rehearsal.result import resources_since
from rehearsal.shop import TODAY, Shop, glue_event, open_shop
from rehearsal.weekly_files import WeeklyFiles, weekly_files
from tests.slow import slow_but

HOUR = 3600.0
DAY = 24 * HOUR
WORDING = ("One campaign, one run.", "A campaign and a run.")  # of two definitions
PARTS = 5
SEQUENCES_A_PART = 8
DEEP = int(os.environ.get("DEEP") or 0)
FINAL = {"COMPLETE", "SUPERSEDED", "FAILED", "NO_NEW_DATA", "REJECTED", "ROLLED_BACK"}
TRIED_AGAIN = {"FAILED", "NO_NEW_DATA", "REJECTED"}  # if a person wants it, or it passes with time
GATE = "normalized_discounted_cumulative_gain_at_25"
WORSE = 0.4  # the metric of shuffled data is below this, and of data that is as it should be above
NAMED_BY_A_RUN = re.compile(r"-(\d{8})-([0-9a-f]{8})(-\d+)?$")
CALLS = [
    "states:StartExecution",
    "lambda:Invoke",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:Query",
    "states:DescribeExecution",
    "glue:GetJobRuns",
    "personalize:CreateDatasetImportJob",
    "personalize:DescribeDatasetImportJob",
    "personalize:ListSolutionVersions",
    "personalize:CreateSolutionVersion",
    "personalize:DescribeSolutionVersion",
    "personalize:UpdateCampaign",
    "personalize:DescribeCampaign",
    "personalize:GetSolutionMetrics",
    "personalize:DescribeDataset",
    "personalize:GetRecommendations",
    "cloudwatch:DescribeAlarms",
    "s3:ListObjectsV2",
    "s3:GetObject",
]
KINDS = ["throttle", "throttle*5", "error", "lost", "denied", "hung:25", "killed", "aborted"]


@dataclass
class Observed:
    """What one sequence has last read from the shop: its rows and campaigns."""

    began: float
    rows: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    served: dict[str, int] = field(default_factory=dict)  # campaign → base date of its version
    stream: str = ""  # where to read on in what the table's stream has recorded


@dataclass
class Words:
    """What was decided about the versions of a campaign, by the system and by people."""

    asked_for: set[str] = field(default_factory=set)  # by a person
    refused: set[str] = field(default_factory=set)  # rejected, or taken back
    returned_to: set[str] = field(default_factory=set)  # by a rollback


class Sequence(RuleBasedStateMachine):
    """One shop in which anything may happen at any time; each sequence covers some days."""

    shop: ClassVar[Shop]
    versions: ClassVar[dict[str, dict[str, Any]]] = {}
    worse_week: ClassVar[WeeklyFiles]
    good_week: ClassVar[WeeklyFiles]

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[tuple[str, datetime]] = []
        self.observed = Observed(0)
        self.words: defaultdict[str, Words] = defaultdict(Words)

    @property
    def personalize(self) -> Any:
        return self.shop.cloud.client("personalize")

    @initialize()
    def begin(self) -> None:
        """Begin at eleven in Seoul on a new day, after everything has ended."""
        clock = self.shop.cloud.clock
        self.shop.later(DAY - (clock.time() - TODAY.timestamp()) % DAY + HOUR)
        set_alarms(self.shop, "OK")
        self.shop.settle()
        self.serve_what_is_good()
        self.observed = Observed(clock.time(), stream=self.end_of_stream())

    def serve_what_is_good(self) -> None:
        """Move campaigns, by hand, from worse data's versions that earlier sequences promoted."""
        served = self.shop.served_versions()
        for campaign in self.shop.campaigns:
            if self.metric(served[campaign["campaign_name"]]) < WORSE:
                listed = self.personalize.list_solution_versions(
                    solutionArn=campaign["solution_arn"]
                )["solutionVersions"]
                arns = [v["solutionVersionArn"] for v in listed if v["status"] == "ACTIVE"]
                good = next(arn for arn in arns if self.metric(arn) >= WORSE)
                self.personalize.update_campaign(
                    campaignArn=campaign["campaign_arn"], solutionVersionArn=good
                )
        self.shop.settle()

    @rule(
        lost=st.booleans(),
        copies=st.integers(0, 2),
        files=st.sampled_from(["good", "good", "worse", "none"]),
    )
    def glue_succeeds(self, lost: bool, copies: int, files: str) -> None:
        if files != "none":
            self.shop.this_week = self.good_week if files == "good" else self.worse_week
            self.shop.send()
        if lost:
            run = self.shop.cloud.glue.record_run("export")
        else:
            run = self.shop.cloud.glue.end_run("export")
        self.runs.append((run, self.shop.cloud.clock.now()))
        for _ in range(0 if lost else copies):
            self.send(run, self.shop.cloud.clock.now())

    # Choices are made by number, because the options may differ when a sequence is repeated.
    @rule(which=st.integers(0, 5))
    def an_event_arrives_again(self, which: int) -> None:
        if self.runs:
            self.send(*self.runs[which % len(self.runs)])

    def send(self, run: str, at: datetime) -> None:
        entry = {**glue_event("export", run_id=run), "Time": at}
        self.shop.cloud.client("events").put_events(Entries=[entry])

    @rule(seconds=st.one_of(st.integers(1, 600), st.sampled_from([HOUR, 5 * HOUR, DAY])))
    def time_passes(self, seconds: float) -> None:
        self.shop.later(seconds)
        self.check_rows_and_campaigns()

    @rule(people=st.integers(1, 2))
    def people_start_the_refresh(self, people: int) -> None:
        for _ in range(people):
            self.shop.start(refresh="weekly")

    @rule()
    def the_schedule_reconciles(self) -> None:
        self.shop.start(reconcile=True)

    @rule(which=st.integers(0, 5))
    def someone_aborts_an_execution(self, which: int) -> None:
        if running := sorted(self.running()):
            arn = running[which % len(running)]
            self.shop.cloud.client("stepfunctions").stop_execution(executionArn=arn)

    @rule(call=st.sampled_from(CALLS), kind=st.sampled_from(KINDS), nth=st.integers(1, 3))
    def a_call_will_fail(self, call: str, kind: str, nth: int) -> None:
        self.shop.cloud.faults.add(f"{call}@{nth}={kind}")

    @rule(kind=st.sampled_from(["dataset-import-job", "solution-version", "campaign-update"]))
    def a_stage_will_fail(self, kind: str) -> None:
        self.shop.behaviour.planned_failures.setdefault(kind, []).append("out of capacity")

    @rule(state=st.sampled_from(["ALARM", "OK"]))
    def the_alarm_changes(self, state: Literal["ALARM", "OK"]) -> None:
        set_alarms(self.shop, state)

    @rule(campaign=st.integers(0, 1), which=st.integers(0, 5))
    def someone_promotes_what_was_refused(self, campaign: int, which: int) -> None:
        self.see_rows_change()
        name = self.shop.campaigns[campaign]["campaign_name"]
        if refused := sorted(self.words[name].refused):
            self.ask_for(name, refused[which % len(refused)])

    @rule(campaign=st.integers(0, 1))
    def someone_rolls_back(self, campaign: int) -> None:
        name = self.shop.campaigns[campaign]["campaign_name"]
        rows = [row for row in self.rows() if row["campaign_name"] == name]
        before = [r.get("previous_solution_version_arn", "") for r in rows]
        if known := [arn for arn in before if arn]:
            self.ask_for(name, known[-1])

    @rule(campaign=st.integers(0, 1), which=st.integers(0, 5))
    def someone_moves_a_campaign_by_hand(self, campaign: int, which: int) -> None:
        chosen = self.shop.campaigns[campaign]
        listed = self.personalize.list_solution_versions(solutionArn=chosen["solution_arn"])
        active = [v for v in listed["solutionVersions"] if v["status"] == "ACTIVE"]
        version = active[which % len(active)]["solutionVersionArn"]
        self.words[chosen["campaign_name"]].asked_for.add(version)
        refused = self.personalize.exceptions
        # while it moves already, or because it serves the version
        with suppress(refused.ResourceInUseException, refused.InvalidInputException):
            self.personalize.update_campaign(
                campaignArn=chosen["campaign_arn"], solutionVersionArn=version
            )

    def ask_for(self, campaign: str, version: str) -> None:
        """Ask for a version as a person does."""
        self.words[campaign].asked_for.add(version)
        self.shop.start(refresh="weekly", campaigns=[campaign], solution_version_arn=version)

    @rule()
    def someone_trains_by_hand(self) -> None:
        solution = self.shop.settings["refreshes"][0]["campaigns"][0]["solution_arn"]
        self.personalize.create_solution_version(solutionArn=solution)

    @rule()
    def another_definition_is_deployed(self) -> None:
        """Replace the workflow's definition as CloudFormation does, even while executions run."""
        stepfunctions = self.shop.cloud.client("stepfunctions")
        arn = self.shop.outputs["RefreshWorkflowArn"]
        definition = stepfunctions.describe_state_machine(stateMachineArn=arn)["definition"]
        ours, theirs = WORDING if WORDING[0] in definition else WORDING[::-1]
        stepfunctions.update_state_machine(
            stateMachineArn=arn, definition=definition.replace(ours, theirs)
        )

    def running(self) -> Iterator[str]:
        """Yield the executions that run."""
        stepfunctions = self.shop.cloud.client("stepfunctions")
        for machine in self.shop.machines.values():
            pages = stepfunctions.list_executions(stateMachineArn=machine, statusFilter="RUNNING")
            yield from (execution["executionArn"] for execution in pages["executions"])

    @invariant()
    def everything_due_has_happened(self) -> None:
        """Let everything that is due at this instant happen before the next step."""
        if self.observed.began:
            self.shop.later(0)

    def check_rows_and_campaigns(self) -> None:
        """Compare the rows and the campaigns with what they were before."""
        for row in self.rows():
            key = (row["campaign_name"], row["base_date"])
            self.check_final_status(self.observed.rows.get(key), row)
            self.observed.rows[key] = row
        self.see_rows_change()
        for campaign, served in self.shop.served_versions().items():
            version = self.version(served)
            assert version["status"] == "ACTIVE"
            self.check_it_may_be_live(campaign, served)
            if named := NAMED_BY_A_RUN.search(version.get("name", "")):
                base_date, words = int(named[1]), self.words[campaign]
                if served not in words.asked_for | words.returned_to:
                    before = self.observed.served.get(campaign, 0)
                    assert base_date >= before, "moved back to an older run's"
                self.observed.served[campaign] = base_date

    def check_it_may_be_live(self, campaign: str, served: str) -> None:
        """Check that what a campaign serves has passed the gate, or that a person wants it."""
        words = self.words[campaign]
        if served in words.asked_for:
            return
        assert served not in words.refused, f"{campaign} serves {served}, which was refused"
        # beside a worse version that somebody has promoted, another one may pass
        if not any(self.metric(arn) < WORSE for arn in words.asked_for):
            named = NAMED_BY_A_RUN.search(self.version(served).get("name", ""))
            assert not named or self.metric(served) >= WORSE, f"{campaign} serves worse data's"

    def see_rows_change(self) -> None:
        """Read what the rows have said since the last time, whether or not they still say it."""
        streams = self.shop.cloud.client("dynamodbstreams")
        read = streams.get_records(ShardIterator=self.observed.stream)
        self.observed.stream = read["NextShardIterator"]
        for record in read["Records"]:
            image = record["dynamodb"].get("NewImage", {})
            row = {name: value["S"] for name, value in image.items() if "S" in value}
            if version := row.get("solution_version_arn"):
                self.see(row, version, self.words[row["campaign_name"]])

    @staticmethod
    def see(row: dict[str, str], version: str, words: Words) -> None:
        """Remember what a row says of its version."""
        if row["refresh_status"] in REFUSED:
            words.refused.add(version)
        elif row.get("judgement", "").startswith("Accepted.") and "rollback_reason" not in row:
            words.refused.discard(version)  # rejected, started again, and compared with another
        if "rollback_reason" in row:
            words.returned_to.add(row["previous_solution_version_arn"])

    def end_of_stream(self) -> str:
        """Return from where on the table's stream has what happens next."""
        table = self.shop.cloud.client("dynamodb").describe_table(
            TableName=self.shop.outputs["TableName"]
        )["Table"]
        streams, stream = self.shop.cloud.client("dynamodbstreams"), table["LatestStreamArn"]
        (shard,) = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
        iterator: str = streams.get_shard_iterator(
            StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="LATEST"
        )["ShardIterator"]
        return iterator

    def metric(self, arn: str) -> float:
        """Return the metric of a version that the gate compares."""
        version = self.version(arn)
        if GATE not in version:
            found = self.personalize.get_solution_metrics(solutionVersionArn=arn)["metrics"]
            version[GATE] = found[GATE]
        return float(version[GATE])

    def version(self, arn: str) -> dict[str, Any]:
        """Return a solution version that is served; it does not change any more."""
        if arn not in self.versions:
            described = self.personalize.describe_solution_version(solutionVersionArn=arn)
            self.versions[arn] = described["solutionVersion"]
        return self.versions[arn]

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of this sequence."""
        began = datetime.fromtimestamp(self.observed.began - DAY, UTC)
        return self.shop.table_rows(since=int(f"{began:%Y%m%d}"))

    def check_history_has_room(self, execution_arn: str) -> None:
        """Check that the history is below the 25,000 events at which AWS ends an execution."""
        (last,) = self.shop.cloud.client("stepfunctions").get_execution_history(
            executionArn=execution_arn, reverseOrder=True, maxResults=1
        )["events"]
        assert last["id"] < 25_000

    @staticmethod
    def check_final_status(before: dict[str, Any] | None, now: dict[str, Any]) -> None:
        """Check that only a new attempt or a later run has changed a final status."""
        if before is None or before["refresh_status"] not in FINAL:
            return
        if before["run_key"] != now["run_key"]:
            assert now["triggered_datetime"] >= before["triggered_datetime"]
        elif before["refresh_status"] != now["refresh_status"]:
            assert before["refresh_status"] in TRIED_AGAIN
            assert now["attempt"] > before["attempt"]

    def teardown(self) -> None:
        """Remove all faults, reconcile, and check that nothing was lost."""
        if not self.observed.began:
            return
        self.shop.cloud.faults.clear()
        self.shop.behaviour.planned_failures.clear()
        self.shop.settle()
        self.shop.ask(reconcile=True)
        self.check_rows_and_campaigns()
        self.check_no_rollback_is_left()
        for row in self.rows():
            self.check_history_has_room(row["execution_arn"])
            assert row["refresh_status"] in FINAL, row
            if row["refresh_status"] == "FAILED":
                assert row["failed_stage"]
                assert ": " in row["failure_reason"]
        self.check_paid_resources()
        assert not list(self.running())
        self.check_no_running_owner_was_taken_over()

    def check_no_rollback_is_left(self) -> None:
        """Let a person start what failed while it took a campaign back, and check its end."""
        rows = [r for r in self.rows() if "rollback_reason" in r]
        for row in (r for r in rows if r["refresh_status"] == "FAILED"):
            key = row["campaign_name"], row["base_date"]
            self.shop.ask(refresh="weekly", campaigns=[key[0]], base_date=key[1])
            (again,) = [r for r in self.rows() if (r["campaign_name"], r["base_date"]) == key]
            assert again["refresh_status"] in {"ROLLED_BACK", "SUPERSEDED"}, again
        self.check_rows_and_campaigns()

    def check_no_running_owner_was_taken_over(self) -> None:
        """Check that no running execution has found its row taken over by another."""
        stepfunctions = self.shop.cloud.client("stepfunctions")
        for execution in stepfunctions.list_executions(
            stateMachineArn=self.shop.outputs["RefreshWorkflowArn"], statusFilter="FAILED"
        )["executions"]:
            if execution["startDate"].timestamp() >= self.observed.began:
                described = stepfunctions.describe_execution(executionArn=execution["executionArn"])
                assert "ConditionalCheckFailed" not in described["error"], described["cause"]

    def check_paid_resources(self) -> None:
        """Check that a run has at most one import and one training that did not fail or stop."""
        made = resources_since(self.shop.cloud, self.observed.began)
        imports = Counter(
            (job["datasetArn"], named[2])
            for job in made["dataset_import_jobs"]
            if job["status"] != "CREATE FAILED" and (named := NAMED_BY_A_RUN.search(job["jobName"]))
        )
        trainings = Counter(
            (version["solutionArn"], named[2])
            for version in made["solution_versions"]
            if version["status"] not in {"CREATE FAILED", "CREATE STOPPED"}
            and (named := NAMED_BY_A_RUN.search(version.get("name", "")))
        )
        assert max(imports.values(), default=0) <= 1, imports
        assert max(trainings.values(), default=0) <= 1, trainings


@pytest.fixture(scope="module")
def sequences(variants: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[type[Sequence]]:
    """The state machine, with a shop that stays open for all sequences."""
    folder = tmp_path_factory.mktemp("sequences")
    good, worse = ([folder / f"{name}.csv"] for name in ("good", "worse"))
    _write(good[0], _behaviour())
    items = [item for _, item in _behaviour()]
    random.Random(1).shuffle(items)  # noqa: S311 - data, not a secret
    _write(worse[0], [(user, i) for (user, _), i in zip(_behaviour(), items, strict=True)])
    for name in ("a", "b"):
        (folder / name).mkdir()
    files = weekly_files(folder / "a", TODAY, good, good)
    with ExitStack() as stack:
        shop = stack.enter_context(open_shop(find_stack(variants, "market"), files))
        Sequence.good_week = files[1]
        _, Sequence.worse_week = weekly_files(folder / "b", TODAY, worse, worse)
        shop.behaviour.import_seconds = 60
        shop.behaviour.training_seconds = 120
        shop.behaviour.campaign_update_seconds = 60
        Sequence.shop = shop
        yield Sequence


def _behaviour() -> list[tuple[str, str]]:
    """Return who chose what, each user in a style of their own: it can be learnt."""
    chance = random.Random(1)  # noqa: S311 - data, not a secret
    users, styles = 40, 8
    return [
        (f"U{user}", f"P{user % styles + styles * chance.randrange(20)}")
        for _ in range(30)
        for user in range(users)
    ]


def _write(path: Path, behaviour: list[tuple[str, str]]) -> None:
    rows = [f"{u},{i},{1_600_000_000 + n}\n" for n, (u, i) in enumerate(behaviour)]
    path.write_text("USER_ID,ITEM_ID,TIMESTAMP\n" + "".join(rows))


@pytest.mark.parametrize("part", slow_but(range(PARTS)))
def test_nothing_is_lost_or_paid_twice_in_any_sequence(
    sequences: type[Sequence], part: int
) -> None:
    factory = sequences if DEEP else seed(part)(sequences)
    run_state_machine_as_test(
        factory,
        settings=settings(
            max_examples=1000 * DEEP or SEQUENCES_A_PART,
            stateful_step_count=20 if DEEP else 6,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink] if DEEP else [Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
