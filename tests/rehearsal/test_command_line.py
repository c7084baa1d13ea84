"""`python -m rehearsal` as its users run it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from tests.rehearsal.command_line import rehearse

ROOT = Path(__file__).parents[2]


def test_json_is_one_object_with_the_whole_result(assembly: Path) -> None:
    command = [sys.executable, "-m", "rehearsal", "--assembly", str(assembly)]
    command += ["--environment", "prod", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
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
    file = tmp_path / "no-time.csv"
    file.write_text("USER_ID,ITEM_ID,EVENT_TYPE\nu1,i1,view\n")
    taken = ("--assembly", str(assembly))
    done = rehearse(*taken, "--data", str(file), "--fault", "sqs:SendMessage=denied")
    assert done.returncode == 1
    assert "NOT COMPLETE: the campaign serves its old solution version." in done.stdout
    assert "Input CSV is missing the following columns:[TIMESTAMP]" in done.stdout
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


def test_an_unknown_environment_is_reported_with_the_known_ones(assembly: Path) -> None:
    done = rehearse("--assembly", str(assembly), "--environment", "staging")
    assert done.returncode == 2
    assert done.stderr == (
        "rehearsal: there is no environment 'staging'; environments/ has dev, prod\n"
    )


def test_an_interrupted_rehearsal_leaves_nothing_behind(assembly: Path) -> None:
    command = [sys.executable, "-m", "rehearsal", "--assembly", str(assembly), "--pace", "0.5"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "dataset import job began" in line:
                break
        functions = functions_of(running.pid)  # they have run, and their processes wait for more
        assert functions
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 2
    assert errors == "rehearsal: interrupted; nothing is left behind\n"
    assert not [pid for pid in functions if Path(f"/proc/{pid}").exists()]


def functions_of(rehearsal: int) -> list[int]:
    """Return the processes of a rehearsal's Lambda functions, their parent first."""
    (parent,) = children_of(rehearsal)
    functions = children_of(parent)
    return [parent, *functions] if functions else []


def children_of(process: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "-e", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    )
    processes = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    return [
        int(pid)
        for pid, of, command in processes
        if of == str(process) and "awslambda/fork_server.py" in command
    ]
