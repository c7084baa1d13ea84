"""Environment files judged by their text: duplicate keys, misread numbers, what is no YAML."""

from pathlib import Path

import pytest

from stacks.bounds import bound_problems
from stacks.load import SettingsError, load, read

GOOD = """\
account: "111122223333"
region: ap-northeast-1
table: {name: ROWS}
import_role: {buckets: [shop-data]}
refreshes:
  - name: weekly
    glue_job: export
    datasets: [{dataset_group: shop, type: INTERACTIONS, location: s3://shop-data/interactions/}]
    campaigns: [{name: home, solution: for-you}]
"""


def problems(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(text, bound_problems)
    return caught.value.problems


def test_the_text_that_these_tests_change_is_valid() -> None:
    assert read(GOOD, bound_problems).table.name == "ROWS"


def test_a_key_that_stands_twice_is_reported_with_both_lines() -> None:
    second = """\
refreshes:
  - name: daily
    glue_job: export-daily
    datasets: [{dataset_group: shop, type: INTERACTIONS, location: s3://shop-data/interactions/}]
    campaigns: [{name: mail, solution: for-you, training_mode: UPDATE, training_mode: FULL}]
"""
    assert problems(GOOD + second) == [
        "refreshes[0].campaigns[0].training_mode: stands twice, in line 14, and YAML would keep "
        "the last; keep one",
        "refreshes: stands twice, in lines 5 and 10, and YAML would keep the last; keep one",
    ]


def test_a_key_that_stands_three_times_is_reported_once_beside_the_other_problems() -> None:
    text = GOOD + "overdue: a\n'overdue': b\noverdue: c\n"
    assert problems(text) == [
        "overdue: is not a known setting; remove it, or check its spelling",
        "overdue: stands 3 times, in lines 10, 11 and 12, and YAML would keep the last; keep one",
    ]


def test_a_merged_mapping_may_be_overridden() -> None:
    text = GOOD + (
        "stages:\n"
        "  dataset_import: &usual {time_limit_hours: 5, patience_hours: 3}\n"
        "  campaign_update: {<<: *usual, time_limit_hours: 7}\n"
    )
    update = read(text).stages.campaign_update
    assert (update.time_limit_hours, update.patience_hours) == (7, 3)


@pytest.mark.parametrize(
    "written", ["012345670123", "111122223333", "0x1F", "11:22:33", "1.5", "yes"]
)
def test_text_that_yaml_reads_as_something_else_is_quoted_as_written(written: str) -> None:
    text = GOOD.replace('"111122223333"', written)
    assert problems(text) == [f"account: must be text; put it in quotes: '{written}'"]


@pytest.mark.parametrize(("written", "read_as"), [("010", "8"), ("1:30", "90"), ("0_7", "7")])
def test_a_number_that_yaml_reads_otherwise_than_people_is_refused(
    written: str, read_as: str
) -> None:
    text = GOOD + f"stages: {{dataset_import: {{time_limit_hours: {written}}}}}\n"
    assert problems(text) == [
        f"stages.dataset_import.time_limit_hours: YAML reads {written} as the number {read_as}; "
        "write the number you mean"
    ]


def test_a_value_out_of_its_bounds_is_quoted_as_written() -> None:
    text = GOOD + "reconcile: {attempts: 1_000}\n"
    assert problems(text) == [
        "reconcile.attempts: Input should be less than or equal to 20 (it is 1_000)"
    ]


def test_a_date_is_the_text_that_it_is() -> None:
    assert read(GOOD.replace("export", "2020-02-31")).glue_jobs == ["2020-02-31"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "must be a mapping that begins with account:"),
        ("- account", "must be a mapping that begins with account:"),
        ("account: [", "is not valid YAML: while parsing a flow node"),
        ("a: 1\n---\nb: 2\n", "is not valid YAML: expected a single document"),
        ("\ta: 1", "is not valid YAML: while scanning"),
        ("a: \x00", "is not valid YAML: unacceptable character"),
        ("a: *nowhere", "is not valid YAML: found undefined alias"),
        ("? [a]\n: b", "is not valid YAML: while constructing a mapping"),
        ("[\n" * 5000, "is nested too deeply to be settings"),
        ("table: &t {name: *t}", "table.name: is an alias of what contains it; write it out"),
    ],
)
def test_a_text_that_says_nothing_is_one_problem(text: str, expected: str) -> None:
    (problem,) = problems(text)
    assert problem.startswith(expected)
    assert "\n" not in problem


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("!!int twelve", "account: YAML cannot read 'twelve' as tag:yaml.org,2002:int; put it in"),
        (
            "!account 1",
            "account: YAML cannot read '1' as !account; put it in quotes, without a tag",
        ),
        ("0x_", "account: YAML cannot read '0x_' as tag:yaml.org,2002:int; put it in quotes"),
        ("[1, 2]", "account: Input should be a valid string (it is a list)"),
        ("{a: 1}", "account: Input should be a valid string (it is a mapping)"),
        ("", "account: Input should be a valid string (it is empty)"),
        ("1111-2222", "account: '1111-2222' is not an account; write its twelve digits"),
        ('"١١١١٢٢٢٢٣٣٣٣"', "account: '١١١١٢٢٢٢٣٣٣٣' is not an account; write its twelve digits"),
    ],
)
def test_a_value_of_the_wrong_kind_is_reported_at_its_field(written: str, expected: str) -> None:
    reported = problems(GOOD.replace('"111122223333"', written))
    assert any(problem.startswith(expected) for problem in reported)


@pytest.mark.parametrize(
    "text",
    [
        "import_role: {buckets: [[a]]}",
        "import_role: {buckets: {a: b}}",
        "refreshes: {a: b}",
        "refreshes: [[], 1, null, {datasets: 1, campaigns: [[]]}]",
        "table: 1\nstages: []",
        "table: {capacity: {write: x}}",
        "on: 1\n1: 2\n~: 3\n? {a: b}\n: 4",
        '"a\\nb": 1',
    ],
)
def test_a_file_of_any_shape_gives_problems_of_one_line_each(text: str) -> None:
    reported = problems(text)
    assert reported
    assert not any("\n" in problem for problem in reported)


def test_a_huge_value_is_quoted_in_short() -> None:
    layers = "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, 10))
    text = f"x0: &x0 [1]\n{layers}account: *x9\ntime_zone: {'z' * 10_000}\n"
    assert all(len(problem) < 10_100 for problem in problems(text))
    assert "account: Input should be a valid string (it is a list)" in problems(text)


def test_files_that_are_not_read_are_reported(tmp_path: Path) -> None:
    (tmp_path / "dev.yaml").write_text(GOOD)
    (tmp_path / "prod.yml").write_text(GOOD)
    (tmp_path / "test.YAML").write_text(GOOD)
    (tmp_path / "notes.txt").write_text("any other file may lie here")
    with pytest.raises(SettingsError) as caught:
        load(tmp_path)
    assert caught.value.problems == [
        f"{tmp_path.name}/prod.yml: is not read; rename it to prod.yaml, or remove it",
        f"{tmp_path.name}/test.YAML: is not read; rename it to test.yaml, or remove it",
    ]


def test_what_cannot_be_read_is_reported_and_the_other_files_are_judged(tmp_path: Path) -> None:
    (tmp_path / "dev.yaml").mkdir()
    (tmp_path / "prod.yaml").write_bytes(b"account: \xff")
    (tmp_path / "test.yaml").write_text(GOOD + "hue: 1\n")
    with pytest.raises(SettingsError) as caught:
        load(tmp_path)
    of_folder, of_bytes, of_hue = caught.value.problems
    assert of_folder.startswith(f"{tmp_path.name}/dev.yaml: cannot be read as UTF-8 text: ")
    assert of_bytes.startswith(f"{tmp_path.name}/prod.yaml: cannot be read as UTF-8 text: ")
    assert of_hue.startswith(f"{tmp_path.name}/test.yaml: hue: is not a known setting")


def test_a_folder_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is not a folder; ENVIRONMENTS may name another"):
        load(tmp_path / "nowhere")
