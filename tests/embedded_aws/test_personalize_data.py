"""What Personalize's data must look like: its CSV dialect, its schemas, and what it trains on."""

import json
from pathlib import Path
from typing import Any

import data_lines
import polars as pl
import pytest
from data_columns import columns_of
from data_problems import Head, across_files, examine

from embedded_aws.services.personalize import training
from embedded_aws.services.personalize.avro import (
    SchemaRules,
    check_columns,
    parse_schema,
    record_type,
)
from embedded_aws.services.personalize.behaviour import PersonalizeBehaviour
from embedded_aws.services.personalize.csv_dialect import Dialect, split
from embedded_aws.services.personalize.resources import Dataset
from embedded_aws.services.personalize.solution_versions import _choices
from embedded_aws.services.personalize.training_rules import EventChoice, TrainingRules
from rehearsal import sample_data
from tests.embedded_aws.personalize_shop import Shop, csv, record, refusal

RFC_4180 = Dialect(doubles_quotes=True)
TEXT = {"type": ["null", "string"], "textual": True}
ITEMS = record("Items", ITEM_ID="string", CATEGORY="string", DESCRIPTION=TEXT)
ITEMS_AND_MORE = record("Items", ITEM_ID="string", ABOUT=TEXT, COLOUR="string", SIZE="string")
TOO_LONG = (
    "Length cannot be more than {} characters for {}. If no values exceed the character limit, "
    "make sure your data follows the formatting guidelines listed in "
    "https://docs.aws.amazon.com/personalize/latest/dg/data-prep-formatting.html."
)
INTERACTIONS = {"USER_ID": "string", "ITEM_ID": "string", "TIMESTAMP": "long"}


class Stock(Shop):
    """A shop with an Items dataset, into which a test imports one file after another."""

    imports = 0

    def load(self, body: str, dataset: str = "") -> str:
        """Import a file and return how that ended: the failureReason, or ACTIVE."""
        self.imports += 1
        name = f"job-{self.imports}"
        job = self.imported(
            dataset or self.arn("dataset/shop/ITEMS"), name, self.put(f"{name}.csv", body)
        )
        return str(job.get("failureReason", job["status"]))

    def texts(self) -> list[str]:
        """Return the descriptions that were imported last."""
        files = self.backend.find(Dataset, self.arn("dataset/shop/ITEMS")).files
        return pl.read_parquet(list(files))["DESCRIPTION"].to_list()


@pytest.fixture
def stock(shop: Shop) -> Stock:
    shop.dataset()
    shop.another_dataset("Items", ITEMS)
    return Stock(shop.cloud)


def items(*descriptions: str) -> str:
    rows = [f"i{n},tv,{text}\n" for n, text in enumerate(descriptions)]
    return "".join(["ITEM_ID,CATEGORY,DESCRIPTION\n", *rows])


# The dialect


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("a,b", ["a", "b"]),
        ('a,"b, c",d', ["a", "b, c", "d"]),
        (r'"a 15\" screen, thin",b', ['a 15" screen, thin', "b"]),
        (r'"a \\",b', ["a \\", "b"]),
        (r'"C:\new, really"', [r"C:\new, really"]),
        ('15" screen,b', ['15" screen', "b"]),
        ('"",b', ["", "b"]),
        ('"a" b,c', ['"a" b', "c"]),
        ('"a 15"" screen",b', ['a 15"" screen', "b"]),
        ('"ends with ""quotes""",b', ['ends with ""quotes""', "b"]),
        ('a,"b', None),
        (r'a,"b\"', None),
        ('"say ""no"", and go",b', None),
    ],
)
def test_a_line_is_split_as_the_guide_says_and_as_the_preflight_does(
    line: str, values: list[str] | None
) -> None:
    found, seen = split(line), data_lines.split(line)
    assert found.is_broken == (values is None) == (seen.is_open or seen.is_torn)
    if values is not None:
        assert found.values == values
        assert len(seen.values) == len(values)


def test_two_quotes_may_stand_for_one() -> None:
    assert split('"say ""no"", and go",b', RFC_4180).values == ['say "no", and go', "b"]
    assert split('"a """,b', RFC_4180).values == ['a "', "b"]


def test_a_textual_field_is_cut_off_and_never_refused(stock: Stock) -> None:
    lengths = (1000, 1001, 20_000, 20_001)
    texts = [f'"{"x" * length}"' for length in lengths]
    assert stock.load(items(*texts, f'"{"本" * 7001}"')) == "ACTIVE"
    assert list(map(len, stock.texts())) == [1000, 1001, 20_000, 20_000, 7000]


def test_a_backslash_escapes_quotes_within_a_value(stock: Stock) -> None:
    assert stock.load(items(r'"a 15\" screen, thin"', '"plain"')) == "ACTIVE"
    assert stock.texts() == ['a 15" screen, thin', "plain"]


def test_a_record_over_two_lines_fails_the_import(stock: Stock) -> None:
    reason = stock.load(items('"first line\nsecond line"', '"plain"'))
    assert reason == TOO_LONG.format(20_000, "DESCRIPTION")


def test_the_reason_names_the_column_that_follows_the_broken_value(shop: Shop) -> None:
    shop.dataset()
    dataset = shop.another_dataset("Items", ITEMS_AND_MORE)
    body = 'ITEM_ID,ABOUT,COLOUR,SIZE\ni1,"first\nsecond",red,xl\n'
    assert Stock(shop.cloud).load(body, dataset) == TOO_LONG.format(1000, "COLOUR")


def test_two_quotes_are_text_unless_the_switch_is_set(stock: Stock) -> None:
    body = items('"a 15"" screen"')
    assert (stock.load(body), stock.texts()) == ("ACTIVE", ['a 15"" screen'])
    stock.backend.behaviour.doubled_quotes = "one quote"
    assert (stock.load(body), stock.texts()) == ("ACTIVE", ['a 15" screen'])


def test_blank_lines_are_skipped_unless_the_switch_is_set(stock: Stock) -> None:
    body = items("one") + "\r\n\n"
    assert (stock.load(body), stock.texts()) == ("ACTIVE", ["one"])
    stock.backend.behaviour.blank_lines = "failed"
    assert stock.load(body) == (
        "Input CSV cannot be read: line 3 has 0 values, and the header 3 columns."
    )


def test_columns_may_have_to_be_in_the_order_of_the_schema(stock: Stock) -> None:
    body = "ITEM_ID,OTHER,DESCRIPTION,CATEGORY\ni1,x,text,tv\n"
    assert stock.load(body) == "ACTIVE"
    stock.backend.behaviour.columns_in_another_order = "failed"
    assert stock.load(body) == (
        "The columns must be in the order of the schema: ITEM_ID, CATEGORY, DESCRIPTION"
    )
    assert stock.load("ITEM_ID,OTHER,CATEGORY,DESCRIPTION\ni1,x,tv,text\n") == "ACTIVE"


def test_an_id_has_at_most_256_characters_and_another_string_1000(stock: Stock) -> None:
    assert stock.load(items("x").replace("i0", "i" * 256).replace("tv", "t" * 1000)) == "ACTIVE"
    assert stock.load(items("x").replace("i0", "i" * 257)) == TOO_LONG.format(256, "ITEM_ID")
    assert stock.load(items("x").replace("tv", "t" * 1001)) == TOO_LONG.format(1000, "CATEGORY")


def test_a_creation_timestamp_is_in_seconds(shop: Shop) -> None:
    shop.dataset()
    schema = record("Items", ITEM_ID="string", COLOUR="string", CREATION_TIMESTAMP="long")
    dataset = shop.another_dataset("Items", schema)
    body = "ITEM_ID,COLOUR,CREATION_TIMESTAMP\ni1,red,1600000000000\n"
    assert Stock(shop.cloud).load(body, dataset) == (
        "CREATION_TIMESTAMP must be in Unix epoch time in seconds, not milliseconds."
    )


def test_a_failure_reason_has_no_words_of_a_library(stock: Stock) -> None:
    stock.cloud.faults.add("s3:GetObject=error*always")
    assert stock.load(items("x")) == "Amazon S3 did not respond."


def test_an_import_of_interactions_brings_a_thousand_unless_the_switch_is_set(
    stock: Stock,
) -> None:
    dataset = stock.arn("dataset/shop/INTERACTIONS")
    few = csv(rows=999)
    assert stock.load(few, dataset) == (
        "The data has 999 records, fewer than the 1000 of an import."
    )
    stock.backend.behaviour.import_minimum_records = 1
    assert stock.load(few, dataset) == "ACTIVE"


def test_keywords_may_be_event_types_if_the_switch_is_set(stock: Stock) -> None:
    stock.backend.behaviour.keywords_as_event_types = "accepted"
    body = csv().replace(",view", ",EVENT_VALUE")
    assert stock.load(body, stock.arn("dataset/shop/INTERACTIONS")) == "ACTIVE"


HEADER = ",".join(sample_data.COLUMNS)
LINES = csv().splitlines()


@pytest.mark.parametrize(
    "body",
    [
        csv(),
        csv(rows=999),
        csv().replace("\n", "\r\n"),
        csv() + "\n",
        csv().replace(HEADER, HEADER.replace("USER_ID", '"USER_ID"')),
        csv().replace(HEADER, f"{HEADER},USERID").replace(",view", ",view,x"),
        "\n".join(",".join(reversed(line.split(","))) for line in LINES),
        "\n".join(f"{line},x" for line in LINES),
        csv().replace("u1,", '"u1",'),
        csv().replace("u1,", '"u""1",'),
        csv().replace("u1,", r'"u\"1",'),
        csv().replace("u1,", '"u""1,2",'),
        csv().replace("u1,", '"u\n1",'),
        csv() + "u1,i1\n",
        csv() + "u1,i1,1600000000,view,x\n",
        csv() + f"{'u' * 256},i1,1600000000,view\n",
        csv() + f"{'u' * 257},i1,1600000000,view\n",
        csv() + "u1,i1,1600000000,IMPRESSION\n",
        csv() + "u1,i1,1600000000000,view\n",
    ],
)
def test_the_preflight_refuses_what_the_import_refuses(stock: Stock, body: str) -> None:
    columns = columns_of(sample_data.SCHEMA)
    examined = examine(Head("s3://b/a.csv", body.encode(), is_whole=True), columns, 2_000_000_000)
    found = [*examined.findings, *across_files([examined], "s3://b/", "INTERACTIONS", "FULL")]
    is_refused = any(finding.refused for finding in found)
    loaded = stock.load(body, stock.arn("dataset/shop/INTERACTIONS"))
    assert (loaded != "ACTIVE") == is_refused, (loaded, found)


# Schemas


def check(kind: str, fields: dict[str, Any], rules: SchemaRules | None = None) -> None:
    check_columns(kind, parse_schema(record(kind, **fields)), None, rules or SchemaRules())


@pytest.mark.parametrize(
    ("kind", "fields", "why"),
    [
        ("INTERACTIONS", {"USER_ID": "string", "ITEM_ID": "string"}, "needs the field TIMESTAMP"),
        ("USERS", {"USER_ID": "string"}, "USERS needs at least one metadata field"),
        (
            "ITEMS",
            {"ITEM_ID": "string", "CREATION_TIMESTAMP": "long"},
            "ITEMS needs at least one metadata field",
        ),
        (
            "INTERACTIONS",
            INTERACTIONS | {"EVENT_TYPE": "int"},
            "the reserved field EVENT_TYPE must be of type string",
        ),
        (
            "INTERACTIONS",
            INTERACTIONS | {"EVENT_TYPE": {"type": "string", "categorical": True}},
            "the reserved field EVENT_TYPE can be neither categorical nor textual",
        ),
        (
            "INTERACTIONS",
            INTERACTIONS | {"EVENT_VALUE": "double"},
            "the reserved field EVENT_VALUE must be of type float",
        ),
        (
            "ITEMS",
            {"ITEM_ID": "string", "A": "int", "CREATION_TIMESTAMP": "int"},
            "the reserved field CREATION_TIMESTAMP must be of type long",
        ),
        (
            "INTERACTIONS",
            INTERACTIONS | {"IMPRESSION": "int"},
            "the reserved field IMPRESSION must be of type string",
        ),
        (
            "USERS",
            {"USER_ID": "string", "ABOUT": TEXT},
            "only ITEMS can have a textual field, and ABOUT is textual",
        ),
        (
            "ITEMS",
            {"ITEM_ID": "string", "ABOUT": TEXT, "MORE": TEXT},
            "ITEMS can have one textual field, and ABOUT, MORE are textual",
        ),
        (
            "ITEMS",
            {"ITEM_ID": "string", "ABOUT": {"type": "int", "textual": True}},
            "field ABOUT is textual and must be of type string",
        ),
        ("USERS", {"USER_ID": "string"} | {f"F{n}": "int" for n in range(26)}, "at most 25"),
        ("ITEMS", {"ITEM_ID": "string"} | {f"F{n}": "int" for n in range(101)}, "at most 100"),
        ("INTERACTIONS", INTERACTIONS | {f"F{n}": "int" for n in range(6)}, "at most 5 metadata"),
        (
            "ITEMS",
            {"ITEM_ID": "string", "GENRESFIELD1": "int", "GENRES_FIELD_1": "int"},
            "a field needs a unique alphanumeric name",
        ),
    ],
)
def test_a_schema_that_a_dataset_cannot_have_is_refused(
    kind: str, fields: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        check(kind, fields)


def test_as_many_fields_as_the_quotas_allow_are_accepted() -> None:
    nullable: Any = {"type": ["float", "null"]}
    event = {"EVENT_TYPE": "string", "EVENT_VALUE": nullable, "RECOMMENDATION_ID": "string"}
    check("INTERACTIONS", {**INTERACTIONS, **event, **{f"F{n}": "int" for n in range(5)}})
    check("USERS", {"USER_ID": "string", **{f"F{n}": "string" for n in range(25)}})
    check("ITEMS", {"ITEM_ID": "string", "ABOUT": TEXT, **{f"F{n}": "int" for n in range(99)}})


def test_what_the_guide_leaves_open_about_fields_is_a_switch() -> None:
    behaviour = PersonalizeBehaviour()
    nullable = {**INTERACTIONS, "EVENT_TYPE": {"type": ["null", "string"]}}
    plain = {"USER_ID": "string", "NAME": {"type": "string"}}
    check("INTERACTIONS", nullable, behaviour.schema_rules())
    check("USERS", plain, behaviour.schema_rules())
    behaviour.null_in_reserved_fields = behaviour.plain_string_as_metadata = "refused"
    with pytest.raises(ValueError, match="EVENT_TYPE cannot be of type null"):
        check("INTERACTIONS", nullable, behaviour.schema_rules())
    with pytest.raises(ValueError, match="USERS needs at least one metadata field"):
        check("USERS", plain, behaviour.schema_rules())


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Interactions", "INTERACTIONS"),
        ("ITEMS", "ITEMS"),
        ("users", "USERS"),
        ("ActionInteractions", "ACTION_INTERACTIONS"),
        ("Action_Interactions", "ACTION_INTERACTIONS"),
        ("Events", None),
        (None, None),
    ],
)
def test_the_name_of_a_schema_says_its_dataset_type_in_any_case(
    name: str | None, kind: str | None
) -> None:
    assert record_type(json.dumps({"name": name})) == kind


def test_a_schema_is_refused_by_the_call_that_the_switch_names(shop: Shop) -> None:
    shop.personalize.create_dataset_group(name="shop")
    shop.wait(60)
    schemas = {
        "other": record("Items", **INTERACTIONS),
        "fields": record("Interactions", USER_ID="string"),
    }
    for name, schema in schemas.items():
        assert refusal(
            shop.personalize.create_dataset,
            name=name,
            schemaArn=shop.personalize.create_schema(name=name, schema=schema)["schemaArn"],
            datasetGroupArn=shop.arn("dataset-group/shop"),
            datasetType="Interactions",
        )[0] == ("InvalidInputException")
    shop.backend.behaviour.schemas_are_checked_by = "CreateSchema"
    for schema in (schemas["fields"], record("Events", **INTERACTIONS)):
        made: Any = {"name": "again", "schema": schema}
        assert refusal(shop.personalize.create_schema, **made)[0] == "InvalidInputException"
    shop.personalize.create_schema(name="good", schema=record("INTERACTIONS", **INTERACTIONS))


# Trainings


def data(path: Path, rows: int = 1200, users: int = 60, **columns: Any) -> list[Path]:
    """Write interactions; a column's value is a function of an interaction's number."""
    frame = pl.DataFrame(
        {
            "USER_ID": [f"u{n % users}" for n in range(rows)],
            "ITEM_ID": [f"i{n % 40}" for n in range(rows)],
            "TIMESTAMP": [1_600_000_000 + n for n in range(rows)],
            **{name: [value(n) for n in range(rows)] for name, value in columns.items()},
        },
        schema_overrides={"EVENT_VALUE": pl.Float32} if "EVENT_VALUE" in columns else {},
    )
    target = path / "data.parquet"
    frame.write_parquet(target)
    return [target]


def rules_for(behaviour: PersonalizeBehaviour, *names: str) -> TrainingRules:
    columns = dict.fromkeys(names, "string")
    return behaviour.training_rules(
        parse_schema(record("Interactions", **INTERACTIONS, EVENT_TYPE="string", **columns))
    )


def test_exact_duplicates_do_not_count(stock: Stock) -> None:
    dataset = stock.arn("dataset/shop/INTERACTIONS")
    header, *rows = csv(rows=400).splitlines()
    assert stock.load("\n".join([header, *rows * 3]), dataset) == "ACTIVE"
    version = stock.version(stock.trained(stock.solution()))
    assert version["failureReason"] == "Dataset has fewer than 1000 interactions after filtering."


@pytest.mark.parametrize(
    ("types", "columns", "fails"),
    [(10, (), False), (11, (), True), (8, ("A", "B"), False), (9, ("A", "B"), True)],
)
def test_event_types_and_metadata_columns_are_ten_at_most(
    tmp_path: Path, types: int, columns: tuple[str, ...], fails: bool
) -> None:
    files = data(tmp_path, EVENT_TYPE=lambda n: f"e{n % types}" if n else None)
    behaviour = PersonalizeBehaviour()
    result = training.train(files, rules_for(behaviour, *columns))
    most = 10 - len(columns)
    expected = f"Dataset has {types} distinct event types, more than the {most} beside its columns."
    assert result.failure == (expected if fails else None)
    behaviour.too_many_event_types = "accepted"
    assert training.train(files, rules_for(behaviour, *columns)).trained


def test_event_type_itself_may_count_among_the_ten(tmp_path: Path) -> None:
    files = data(tmp_path, EVENT_TYPE=lambda n: f"e{n % 10}")
    behaviour = PersonalizeBehaviour(
        event_types_counted_with="metadata, EVENT_TYPE and EVENT_VALUE"
    )
    assert "more than the 9 beside" in str(training.train(files, rules_for(behaviour)).failure)


def test_a_hundredth_of_all_users_must_have_two_interactions(tmp_path: Path) -> None:
    rules = PersonalizeBehaviour().training_rules({})
    rows = [(f"u{n}", "i1", n) for n in range(3000)] + [(f"u{n}", "i2", n) for n in range(29)]
    frame = pl.DataFrame(rows, schema=["USER_ID", "ITEM_ID", "TIMESTAMP"], orient="row")
    frame.write_parquet(tmp_path / "few.parquet")
    assert training.train([tmp_path / "few.parquet"], rules).failure == (
        "Dataset has fewer than 1% of users with at least 2 interactions each."
    )
    more = pl.DataFrame([("u29", "i2", 29)], schema=frame.schema, orient="row")
    pl.concat([frame, more]).write_parquet(tmp_path / "enough.parquet")
    assert training.train([tmp_path / "enough.parquet"], rules).trained


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        ({}, 4000),
        ({"eventType": "watch"}, 2000),
        ({"solutionConfig": {"eventValueThreshold": "0.7"}}, 2000),
        ({"eventType": "watch", "solutionConfig": {"eventValueThreshold": "0.7"}}, 1000),
        (
            {
                "solutionConfig": {
                    "eventsConfig": {
                        "eventParametersList": [
                            {"eventType": "watch", "eventValueThreshold": 0.7},
                            {"eventType": "click", "weight": 0.5},
                        ]
                    }
                }
            },
            3000,
        ),
        ({"eventType": "buy"}, 0),
    ],
)
def test_a_solution_chooses_events_by_type_and_least_value(
    tmp_path: Path, settings: dict[str, Any], count: int
) -> None:
    files = data(
        tmp_path,
        4000,
        EVENT_TYPE=lambda n: ("watch", "click")[n % 2],
        EVENT_VALUE=lambda n: (0.7, 0.69, 0.7, None)[n // 2 % 4],
    )
    rules = TrainingRules(choices=_choices(settings))
    assert training.train(files, rules).interactions == count


def test_without_event_values_none_reaches_a_threshold(tmp_path: Path) -> None:
    rules = TrainingRules(choices=(EventChoice(least_value=0.5),))
    assert training.train(data(tmp_path), rules).failure == (
        "Dataset has fewer than 1000 interactions after filtering."
    )


def test_a_threshold_that_is_no_number_is_refused(shop: Shop) -> None:
    shop.dataset()
    assert refusal(shop.solution, solutionConfig={"eventValueThreshold": "many"}) == (
        "InvalidInputException",
        "eventValueThreshold must be a number, and is: many",
    )
