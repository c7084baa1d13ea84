"""Task "Update recommender": the columns that a recommender learns from, found or asked for.

Guarantees that an update is asked for only when the recommender neither has the columns that the
settings ask for nor is changing to them already: each change is a full training. Without such
columns, or with these already, it only sees that the recommender is ACTIVE: nothing else makes
Personalize train a recommender, which it does by itself every 7 days. Other members of its
configuration, such as its throughput, are sent as they are.
"""

from typing import TYPE_CHECKING, Any, TypedDict

from personalize import personalize
from plan_types import PlannedRecommender
from recommender_problems import (
    UNDER_WAY,
    Columns,
    columns_of,
    problem_of_status,
    training_data_config,
    wanted_columns,
)
from retry_later import RetryLater, retry_later

if TYPE_CHECKING:
    from mypy_boto3_personalize.type_defs import (
        RecommenderTypeDef,
        RecommenderUpdateSummaryTypeDef,
    )

# Use cases whose models take in new items every two hours.
WITH_NEW_ITEMS = ("recommended-for-you", "top-picks")


class Wanted(TypedDict):
    """The recommender of a run that was triggered at a time (epoch seconds)."""

    recommender: PlannedRecommender
    triggered: int


class RecommenderUpdate(TypedDict):
    """The update to wait for; `created` is in epoch seconds, 0 if there is none.

    `retraining` says in words what Personalize has trained, and when it does so next.
    """

    created: int
    retraining: str


class NotServing(Exception):
    """The recommender was stopped, or is being deleted; the text says what to do."""


def found_update(
    recommender: "RecommenderTypeDef", wanted: Columns, since: int
) -> "RecommenderUpdateSummaryTypeDef | None":
    """Return the update to these columns that is going on, or that began `since` and ended well."""
    update = recommender.get("latestRecommenderUpdate")
    if update is None or columns_of(update.get("recommenderConfig", {})) != wanted:
        return None
    if update["status"].endswith(UNDER_WAY):
        return update
    is_ours = update["creationDateTime"].timestamp() >= since
    return update if is_ours and update["status"] == "ACTIVE" else None


def words_of(recommender: "RecommenderTypeDef", *, updated: bool) -> str:
    """Return what Personalize has trained because of this run, and when it trains next."""
    name = recommender["name"]
    takes_in = recommender["recipeArn"].endswith(WITH_NEW_ITEMS)
    new_items = " Every two hours it also takes in new items." if takes_in else ""
    if updated:
        return (
            f"Personalize has retrained {name} on the imported data, since its training columns "
            f"have changed; from now on it retrains it by itself every 7 days.{new_items}"
        )
    return (
        f"Personalize retrains {name} by itself every 7 days; the next time on the imported data."
        f"{new_items}"
    )


def describe(arn: str) -> "RecommenderTypeDef":
    """Return a recommender as it is now."""
    return personalize.describe_recommender(recommenderArn=arn)["recommender"]


def find_or_update(request: Wanted) -> RecommenderUpdate:
    """Return the update to the wanted columns, after asking for it if there has to be one.

    Raises RetryLater while the recommender is being started, and NotServing if it is stopped.
    """
    arn = request["recommender"]["arn"]
    recommender = describe(arn)
    if problem := problem_of_status(recommender):
        comes = recommender["status"].startswith(("CREATE", "START"))
        passes = comes and recommender["status"].endswith(UNDER_WAY)
        raise (RetryLater if passes else NotServing)(problem)
    if "training_columns" not in request["recommender"]:
        return {"created": 0, "retraining": words_of(recommender, updated=False)}
    columns = request["recommender"]["training_columns"]
    wanted = wanted_columns(columns)
    update = found_update(recommender, wanted, request["triggered"])
    if update is None and columns_of(recommender["recommenderConfig"]) != wanted:
        before = recommender.get("latestRecommenderUpdate")
        config: Any = {**recommender["recommenderConfig"]}
        config["trainingDataConfig"] = training_data_config(columns)
        personalize.update_recommender(recommenderArn=arn, recommenderConfig=config)
        recommender = describe(arn)
        update = recommender.get("latestRecommenderUpdate")
        # with the columns that it has, in whatever form it tells them, no update occurs
        update = None if update == before else update
    return {
        "created": int(update["creationDateTime"].timestamp()) if update else 0,
        "retraining": words_of(recommender, updated=update is not None),
    }


@retry_later()
def lambda_handler(event: Wanted, _context: object) -> RecommenderUpdate:
    """Find or start the update of `event`; RetryLater while the recommender is busy."""
    return find_or_update(event)
