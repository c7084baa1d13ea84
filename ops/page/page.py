"""The page: headline, workflow, time line, metrics, recommendations, failures, cost. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from messages import day, dollars, span
from row_changes import durations

from ops.page.facts import Facts
from ops.page.html import Html, tag, together
from ops.page.route import Part, Route, parts, route, status_of_part, status_of_state

STYLE = (Path(__file__).parent / "style.css").read_text("utf-8")
MARKS = {"done": "✓", "failed": "✕", "stopped": "■", "running": "…", "open": "○"}
COLOURS = {
    "COMPLETE": "done",
    "FAILED": "failed",
    "ABORTED": "failed",
    "TIMED_OUT": "failed",
    "SUPERSEDED": "stopped",
    "NO_NEW_DATA": "stopped",
    "REJECTED": "failed",
    "ROLLED_BACK": "failed",
    "RUNNING": "running",
}
SENTENCES = {
    "COMPLETE": "The campaign serves the new solution version.",
    "FAILED": "The campaign serves its old solution version.",
    "SUPERSEDED": "A newer refresh, or a person, has moved the campaign on; it stays there.",
    "NO_NEW_DATA": "No file is newer than the last import: nothing was done or paid for.",
    "REJECTED": "The new version is not good enough; the campaign serves its old one.",
    "ROLLED_BACK": "The campaign did not do well, and serves its old version again.",
    "RUNNING": "The refresh is still running.",
}
RECOMMENDER_SENTENCES = {
    **SENTENCES,
    "COMPLETE": "The data are imported; Personalize trains the recommender by itself.",
    "FAILED": "The recommender serves as before.",
    "SUPERSEDED": "A newer refresh has imported its data; nothing was imported over it.",
}
# The only parts of the workflow that a recommender's refresh may come to after the check.
OF_RECOMMENDERS = ("Import datasets", "Configure recommender", "Record recommender")
STAGES = {
    "dataset_import": ("import", "bar-import"),
    "solution_version": ("training", "bar-training"),
    "campaign_update": ("campaign update", "bar-update"),
    "recommender_update": ("recommender update", "bar-update"),
}


def page(facts: Facts) -> str:
    """Return the whole page."""
    went = route(facts.events)
    status = str(facts.own_row.get("refresh_status") or _status_of_execution(facts))
    name, date = facts.given.get("campaign_name", "?"), facts.given.get("base_date")
    title = f"{status}: {name} {day(date) if isinstance(date, int) else ''}".strip()
    body = [
        _headline(facts, status, str(name), date),
        _workflow(facts, went),
        _time_line(facts),
        _metrics(facts),
        _recommendations(facts),
        _failures(went),
        _costs(facts),
        tag(
            "p",
            f"Read {_time(facts.read_at)} from the execution's history, its row and Personalize.",
            class_="quiet",
        ),
    ]
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("link", rel="icon", href="data:,"),
        tag("title", title),
        Html(f"<style>{STYLE}</style>"),
    )
    return f"<!doctype html>\n{tag('html', head, tag('body', tag('main', *body)), lang='en')}\n"


def _status_of_execution(facts: Facts) -> str:
    outcome = facts.output.get("outcome")
    return str(outcome) if outcome else str(facts.execution["status"])


def _headline(facts: Facts, status: str, name: str, date: Any) -> Html:
    row, execution = facts.own_row, facts.execution
    began, ended = execution["startDate"], execution.get("stopDate")
    seconds = int(((ended or facts.read_at) - began).total_seconds())
    told = {
        "Started": _time(began),
        "Took": span(seconds) if ended else f"{span(seconds)} so far",
        "Attempt": str(facts.given.get("attempt", "?")),
        "Stage": row.get("failed_stage"),
        "Solution version": _short(row.get("solution_version_arn")),
        "Before": _short(row.get("previous_solution_version_arn")),
        "Training hours": row.get("training_hours"),
        "Serves now": _short(facts.serving),
    }
    reason = row.get("failure_reason") or execution.get("cause")
    sentences = RECOMMENDER_SENTENCES if _is_of_recommender(facts) else SENTENCES
    return tag(
        "header",
        tag("p", tag("span", status, class_=f"status {COLOURS.get(status, 'open')}")),
        tag("h1", f"{name}{f', {day(date)}' if isinstance(date, int) else ''}"),
        tag("p", sentences.get(status, "The execution left the row of its date to another one.")),
        tag("p", row["recommender_retraining"]) if "recommender_retraining" in row else None,
        tag("pre", str(reason)) if reason and status != "COMPLETE" else None,
        tag("p", "Next: ", tag("code", facts.next_command)) if facts.next_command else None,
        tag(
            "dl",
            *(
                tag("div", tag("dt", key), tag("dd", str(value)))
                for key, value in told.items()
                if value is not None
            ),
            class_="facts",
        ),
        tag(
            "p",
            tag("a", "The execution in the console", href=_console(execution["executionArn"])),
            " ",
            tag("code", execution["name"]),
            class_="quiet",
        ),
    )


def _workflow(facts: Facts, went: Route) -> Html:
    ended = str(facts.execution["status"])
    shown = [each for each in parts(facts.definition) if _may_come(each, facts, went)]
    return tag(
        "section",
        tag("h2", "The path through the workflow"),
        tag("div", *(_part(part, went, ended) for part in shown), class_="parts"),
    )


def _is_of_recommender(facts: Facts) -> bool:
    return "recommender" in facts.given


def _may_come(part: Part, facts: Facts, went: Route) -> bool:
    """Whether a part was reached, or may be by a refresh of this kind."""
    if any(went.visits[name] for name in part.states):
        return True
    of_recommenders = part.name in OF_RECOMMENDERS
    return of_recommenders if _is_of_recommender(facts) else part.name not in OF_RECOMMENDERS[1:]


def _part(part: Part, went: Route, ended: str) -> Html:
    status = status_of_part(part, went, ended)
    visited = [name for name in part.states if went.visits[name]]
    return tag(
        "div",
        tag("h3", tag("span", MARKS[status], class_=f"mark {status}"), part.name),
        tag("ol", *(_state(name, part, went, ended) for name in visited))
        if visited
        else tag("p", "not needed" if ended == "SUCCEEDED" else "not reached", class_="quiet"),
        class_=f"part {status}",
    )


def _state(name: str, part: Part, went: Route, ended: str) -> Html:
    status = status_of_state(name, part.states[name], went, ended)
    times = went.visits[name]
    mark = tag("span", MARKS[status], class_=f"mark {status}")
    return tag(
        "li",
        tag("b" if status == "failed" else "span", mark, name),
        tag("span", f"× {times}", class_="quiet") if times > 1 else None,
    )


def _time_line(facts: Facts) -> Html:
    runs = [row for row in (facts.own_row, *facts.earlier) if row.get("started_datetime")]
    longest = max((_length(row) for row in runs), default=0)
    if not longest:
        return tag(
            "section",
            tag("h2", "Time line"),
            tag("p", "No run has a row with its times yet.", class_="quiet"),
        )
    rows: list[Html] = []
    for row in runs:
        is_past = row is not facts.own_row
        label = f"{day(row['base_date'])} {row.get('refresh_status', '')}".strip()
        rows.append(tag("div", label, class_="quiet" if is_past else None))
        rows.append(tag("div", _bars(row, longest), class_="past" if is_past else None))
    left_out = "campaign_update" if _is_of_recommender(facts) else "recommender_update"
    shown = [named for stage, named in STAGES.items() if stage != left_out]
    key = (tag("span", tag("i", class_=colour), words) for words, colour in shown)
    return tag(
        "section",
        tag("h2", "Time line, against the last runs"),
        tag("div", *rows, class_="bars"),
        tag("div", *key, tag("span", f"full width: {span(int(longest))}"), class_="key quiet"),
    )


def _length(row: Mapping[str, Any]) -> float:
    ended = row.get("ended_datetime") or max(
        (value for name, value in row.items() if name.endswith("_datetime")), default=0
    )
    return float(max(0, ended - row["started_datetime"]))


def _bars(row: Mapping[str, Any], longest: float) -> Html:
    took = durations(row)
    begins = {
        "dataset_import": row.get("dataset_import_job_datetime"),
        "solution_version": row.get("solution_version_datetime"),
        "campaign_update": row.get("campaign_update_datetime"),
        "recommender_update": row.get("recommender_update_datetime"),
    }
    drawn, said = [], []
    for stage, (words, colour) in STAGES.items():
        seconds, began = took.get(stage), begins[stage]
        if not isinstance(seconds, int) or began is None:
            continue
        left = max(0.0, 1000 * (began - row["started_datetime"]) / longest)
        width = max(3.0, 1000 * seconds / longest)
        drawn.append(
            tag(
                "rect",
                x=f"{left:.1f}",
                y=4,
                width=f"{min(width, 1000 - left):.1f}",
                height=16,
                rx=3,
                class_=f"bar {colour}",
            )
        )
        said.append(f"{words} {span(seconds)}")
    label = "; ".join(said) or "no stage has ended"
    return tag(
        "svg",
        tag("title", label),
        *drawn,
        viewBox="0 0 1000 24",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )


def _metrics(facts: Facts) -> Html | None:
    if _is_of_recommender(facts):
        return None  # no version was trained
    row = facts.own_row
    new = row.get("solution_version_arn")
    before = row.get("previous_solution_version_arn") or facts.serving
    after = facts.metrics.get(str(new)) or row.get("metrics") or {}
    earlier = facts.metrics.get(str(before)) or {}
    names = sorted({*after, *earlier})
    heading = tag("h2", "Offline metrics")
    if not names:
        words = "Personalize has no metrics of this version: it was not trained to its end."
        return tag("section", heading, tag("p", words, class_="quiet"))
    lines = [
        tag(
            "tr",
            tag("td", name),
            tag("td", _number(earlier.get(name)), class_="number"),
            tag("td", _number(after.get(name)), class_="number"),
            _change(earlier.get(name), after.get(name)),
        )
        for name in names
    ]
    titles = ("metric", f"before ({_short(before) or 'unknown'})", f"new ({_short(new)})", "change")
    return tag(
        "section",
        heading,
        tag(
            "table",
            tag(
                "thead",
                tag(
                    "tr",
                    *(tag("th", t, class_="number" if i else None) for i, t in enumerate(titles)),
                ),
            ),
            tag("tbody", *lines),
        ),
        tag(
            "p",
            "They compare versions on data that was held back, not on what customers did.",
            class_="quiet",
        ),
    )


def _change(before: float | None, after: float | None) -> Html:
    if before is None or after is None or not before:
        return tag("td", "–", class_="number")
    share = (after - before) / before
    colour = "up" if share > 0 else "down" if share < 0 else ""
    return tag("td", f"{share:+.1%}", class_=f"number {colour}".strip())


def _recommendations(facts: Facts) -> Html | None:
    known = facts.recommendations
    if known is None:
        return None
    lines = [
        tag(
            "tr",
            tag("td", before or "–"),
            tag("td", after or "–", tag("span", " new", class_="new"))
            if after in known.new_items
            else tag("td", after or "–"),
        )
        for before, after in _pairs(known.before, known.after)
    ]
    head = tag("thead", tag("tr", tag("th", "before"), tag("th", "after")))
    return tag(
        "section",
        tag("h2", f"Recommendations for {known.user_id}"),
        tag("table", head, tag("tbody", *lines)),
    )


def _pairs(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[str, str]]:
    for index in range(min(10, max(len(before), len(after)))):
        yield (
            before[index] if index < len(before) else "",
            after[index] if index < len(after) else "",
        )


def _failures(went: Route) -> Html | None:
    if not went.failures:
        return None
    shown = went.failures[-8:]
    more = len(went.failures) - len(shown)
    return tag(
        "section",
        tag("h2", "What failed on the way"),
        tag("p", f"{more} earlier ones are left out.", class_="quiet") if more else None,
        *(
            together(
                tag(
                    "p",
                    tag("b", failure.state),
                    f" at {_time(failure.time)}: ",
                    tag("code", failure.error),
                ),
                tag("pre", failure.cause) if failure.cause else None,
            )
            for failure in shown
        ),
    )


def _costs(facts: Facts) -> Html | None:
    if not facts.cost_usd:
        return None
    lines = [
        tag(
            "tr",
            tag("td", name),
            tag("td", "unknown" if value is None else dollars(value), class_="number"),
        )
        for name, value in facts.cost_usd.items()
    ]
    return tag(
        "section",
        tag("h2", "Estimated cost"),
        tag("table", tag("tbody", *lines)),
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _short(arn: Any) -> str | None:
    return str(arn).rsplit("/", 1)[-1] if arn else None


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _console(arn: str) -> str:
    region, is_china = arn.split(":")[3], arn.startswith("arn:aws-cn")
    domain = "amazonaws.cn" if is_china else "aws.amazon.com"
    place = f"states/home?region={region}#/v2/executions/details/{arn}"
    return f"https://{region}.console.{domain}/{place}"
