"""`python -m rehearsal` as its users run it."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal.assembly import synthesise
from tests.rehearsal.command_line import rehearse

ROOT = Path(__file__).parents[2]


def test_json_is_one_object_with_the_whole_result(assembly: Path) -> None:
    done = rehearse("--assembly", str(assembly), "--environment", "prod", "--json")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert set(shown) == {"executions", "rows", "personalize", "recommendations", "cost"}
    dispatch, refresh = shown["executions"]
    assert dispatch["status"] == refresh["status"] == "SUCCEEDED"
    assert refresh["name"].startswith("brandi-hrnn-campaign-v2-20200928-")
    assert refresh["states"][0] == "Begin"
    assert refresh["states"][-1] == "Refresh complete"
    assert refresh["transitions"] == len(refresh["states"])  # nothing had to be repeated
    (row,) = shown["rows"]
    assert row["base_date"] == 20200928
    assert row["refresh_status"] == "COMPLETE"
    assert {kind: len(made) for kind, made in shown["personalize"].items()} == {
        "dataset_import_jobs": 1,
        "solution_versions": 1,
        "campaign_updates": 1,
    }
    for made in shown["personalize"].values():
        assert {"creationDateTime", "lastUpdatedDateTime", "status"} <= set(made[0])
    recommended = shown["recommendations"]
    assert recommended["new_items"]
    assert not set(recommended["new_items"]) & set(recommended["before"])
    assert set(recommended["new_items"]) <= set(recommended["after"])
    assert shown["cost"]["total_usd"] > 0


def test_a_file_that_personalize_refuses_ends_with_status_1_and_the_reason(
    assembly: Path, tmp_path: Path
) -> None:
    last, file = tmp_path / "last.csv", tmp_path / "no-time.csv"
    rows = [f"u{n % 80},i{n % 60},{1598000000 + n}\n" for n in range(1500)]
    last.write_text("USER_ID,ITEM_ID,TIMESTAMP\n" + "".join(rows))
    file.write_text("USER_ID,ITEM_ID,EVENT_TYPE\nu1,i1,view\n")
    taken = ("--assembly", str(assembly), "--previous", str(last))
    done = rehearse(*taken, "--data", str(file), "--fault", "sqs:SendMessage=denied")
    assert done.returncode == 1
    assert "NOT COMPLETE: the campaign serves its old solution version." in done.stdout
    assert "DataRefused: " in done.stdout
    assert "the schema's TIMESTAMP is missing" in done.stdout
    assert (
        "The fault sqs:SendMessage=denied*1 did not strike: no such call was made." in done.stdout
    )
    assert "Traceback" not in done.stderr


def test_a_users_own_file_does_not_need_the_week_before(assembly: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    with file.open("w") as rows:
        rows.write("USER_ID,ITEM_ID,TIMESTAMP,DEVICE\n")
        for n in range(4000):
            day = n // 200  # twenty days
            item = f"new-{n % 5}" if day > 15 and n % 3 == 0 else f"item-{n % 60}"
            rows.write(f"user-{n * 7 % 90},{item},{1600000000 + day * 86400 + n},phone\n")
    done = rehearse("--assembly", str(assembly), "--data", str(file), "--json")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["rows"][0]["refresh_status"] == "COMPLETE"
    assert any(item.startswith("new-") for item in shown["recommendations"]["new_items"])


def test_wrong_arguments_are_reported_all_at_once_and_without_a_traceback() -> None:
    wrong = ("--assembly", "docs", "--data", "nowhere.csv", "--pace", "0")
    done = rehearse(*wrong, "--fault", "s3:GetObject=explode")
    assert done.returncode == 2
    assert "nowhere.csv cannot be read; name a CSV file" in done.stderr
    assert "docs is not a cloud assembly; name what `cdk synth` wrote" in done.stderr
    assert "--pace 0 is not a number above 0" in done.stderr
    assert "explode" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_environment_is_noticed_before_the_synthesis() -> None:
    done = rehearse("--environment", "staging")
    assert (done.returncode, done.stdout) == (2, "")  # not even "Synthesising the app"
    assert done.stderr == (
        "rehearsal: there is no environment 'staging'; environments/ has dev, prod\n"
    )


@pytest.mark.parametrize(
    "manifest",
    ["{", "[]", "{}", '{"artifacts": {}}', '{"artifacts": {"PersonalizeRefresh-dev": {}}}'],
)
def test_a_folder_that_is_no_assembly_of_this_app_is_refused(tmp_path: Path, manifest: str) -> None:
    (tmp_path / "manifest.json").write_text(manifest)
    done = rehearse("--assembly", str(tmp_path))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"rehearsal: {tmp_path} ")
    assert line.endswith("; name what `cdk synth` wrote")


def test_a_port_that_cannot_be_used_is_refused(assembly: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = str(other.getsockname()[1])
        for port, problem in ((taken, "cannot be used"), ("70000", "is not between 0 and 65535")):
            done = rehearse("--assembly", str(assembly), "--port", port)
            (line,) = done.stderr.splitlines()
            assert (done.returncode, done.stdout) == (2, "")
            assert line.startswith(f"rehearsal: --port {port} {problem}")


@pytest.mark.slow
def test_ascii_profiles_and_proxies_do_not_matter(assembly: Path) -> None:
    variables = {
        "PYTHONIOENCODING": "ascii",
        "AWS_PROFILE": "nobody",
        "AWS_CONFIG_FILE": "/dev/full",
        "HTTP_PROXY": "http://localhost:9",
        "http_proxy": "http://localhost:9",
    }
    done = subprocess.run(
        [sys.executable, "-m", "rehearsal", "--assembly", str(assembly)],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    shown = done.stdout.decode("ascii")
    assert "Begin -> Input usable? -> Read row -> " in shown
    assert "training its campaigns ...\n" in shown


def refused(*arguments: str, **variables: str) -> str:
    """Run Python, and return the one line in which it says why it did nothing."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2
    return line


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()  # root may write everywhere, but not below a file
    below = str(tmp_path / "file" / "below")
    line = refused("-m", "rehearsal", JSII_RUNTIME_PACKAGE_CACHE_ROOT=below)
    assert line.startswith("rehearsal: nothing can be synthesised: ")
    assert f"'{tmp_path}/file/below'" in line
    assert "JSII_RUNTIME_PACKAGE_CACHE=disabled" in line


def test_without_a_folder_for_temporary_files_the_sentence_names_the_variable(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    command = (
        "import sys, tempfile; tempfile.tempdir = sys.argv[1]; "
        "from rehearsal import supervision; supervision.run(lambda: 0)"
    )
    line = refused("-c", command, str(tmp_path / "file" / "below"))
    assert line.startswith("rehearsal: there is no folder for temporary files (")
    assert line.endswith("; name one by TMPDIR")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The assembly of an environment over Personalize's default quotas.

    Names are as long as they may be, and groups have no interactions of their own. The campaigns
    of a group share one solution: it is trained once.
    """
    folder = tmp_path_factory.mktemp("large")
    groups = [f"{'g' * 62}{n}" for n in range(6)]
    environment = {
        "account": "111122223333",
        "region": "ap-northeast-1",
        "table": {"name": "LARGE"},
        "removal_policy": "destroy",
        "import_role": {"buckets": ["shop"]},
        "refreshes": [
            {
                "name": f"r{n}",
                "glue_job": f"job-{n}",
                "datasets": [
                    {"dataset_group": group, "type": kind, "location": f"s3://shop/{n}/{kind}/"}
                    for kind in (("ITEMS",) if n else ("ITEMS", "ACTIONS", "ACTION_INTERACTIONS"))
                ],
                "campaigns": [
                    {"name": f"c-{n}-{m}", "solution": f"s-{n}"} for m in range(1 if n else 6)
                ],
            }
            for n, group in enumerate(groups)
        ],
    }
    (folder / "large.yaml").write_text(json.dumps(environment))
    return synthesise(tmp_path_factory.mktemp("assembled"), folder)


@pytest.mark.slow
def test_an_environment_over_the_default_quotas_is_rehearsed_with_raised_ones(large: Path) -> None:
    done = rehearse("--assembly", str(large), "--environment", "large")
    assert (done.returncode, done.stderr) == (0, "")
    for quota, default, wanted in (("dataset groups", 5, 6), ("campaigns per dataset group", 5, 6)):
        assert (
            f"Personalize's quota of {quota} is raised from its default of {default} to {wanted}: "
            "ask AWS for as much before you deploy this." in done.stdout.splitlines()
        )
    assert done.stdout.endswith("COMPLETE: every campaign serves its new solution version.\n")


def test_an_unknown_environment_is_reported_with_the_known_ones(assembly: Path) -> None:
    done = rehearse("--assembly", str(assembly), "--environment", "staging")
    assert done.returncode == 2
    assert done.stderr == (
        "rehearsal: there is no environment 'staging'; environments/ has dev, prod\n"
    )
