"""The CSV files that Personalize imports: their dialect and their values."""

import data_lines
import polars as pl
import pytest
from data_columns import columns_of
from data_problems import Head, across_files, examine

from embedded_aws.services.personalize.csv_dialect import Dialect, split
from embedded_aws.services.personalize.resources import Dataset
from rehearsal import sample_data
from tests.embedded_aws.personalize_shop import TEXT, Shop, csv, record

RFC_4180 = Dialect(doubles_quotes=True)
ITEMS = record("Items", ITEM_ID="string", CATEGORY="string", DESCRIPTION=TEXT)
ITEMS_AND_MORE = record("Items", ITEM_ID="string", ABOUT=TEXT, COLOUR="string", SIZE="string")
TOO_LONG = (
    "Length cannot be more than {} characters for {}. If no values exceed the character limit, "
    "make sure your data follows the formatting guidelines listed in "
    "https://docs.aws.amazon.com/personalize/latest/dg/data-prep-formatting.html."
)


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
