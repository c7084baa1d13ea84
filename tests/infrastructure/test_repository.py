"""What the repository has besides code: links of documents, sample workflows, hooks, version."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "embedded_aws").glob("*.md"),
]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTION = ROOT / ".github" / "actions" / "cdk" / "action.yml"


def loaded(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return content


def steps(path: Path) -> list[dict[str, Any]]:
    """All steps of a workflow or of a composite action."""
    content = loaded(path)
    parts = content["jobs"].values() if "jobs" in content else [content["runs"]]
    return [step for part in parts for step in part["steps"]]


def test_zizmor_finds_nothing_unsafe_in_the_sample_workflows_and_hooks() -> None:
    audited = [".github/workflows", ".github/actions", ".pre-commit-config.yaml"]
    done = subprocess.run(
        [BIN / "zizmor", "--offline", "--pedantic", "--strict-collection", "--quiet", *audited],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_a_third_party_action_is_pinned_by_commit_with_its_version_in_a_comment(path: Path) -> None:
    used = re.findall(r"uses: (.+)$", path.read_text("utf-8"), re.MULTILINE)
    assert used
    for action in used:
        own = action == "$/.github/actions/cdk"
        assert own or re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_each_environment_is_diffed_and_deployed_with_every_input_of_the_action() -> None:
    diff, *deployments = loaded(ROOT / ".github" / "workflows" / "deploy.yml")["jobs"].values()
    environments = {path.stem for path in (ROOT / "environments").glob("*.yaml")}
    assert set(diff["strategy"]["matrix"]["environment"]) == environments
    assert {job["environment"] for job in deployments} == environments
    for job in [diff, *deployments]:
        (step,) = job["steps"]
        assert set(step["with"]) == set(loaded(ACTION)["inputs"])
    for job in deployments:
        assert job["steps"][0]["with"]["environment"] == job["environment"]


def test_only_jobs_that_get_aws_credentials_may_request_a_token_from_github() -> None:
    for path in WORKFLOWS:
        workflow = loaded(path)
        assert "id-token" not in workflow["permissions"]
        for job in workflow["jobs"].values():
            deploys = any(step.get("uses", "").startswith("$/") for step in job["steps"])
            assert (job.get("permissions", {}).get("id-token") == "write") is deploys


def test_the_action_reads_role_and_region_from_the_environment_file(tmp_path: Path) -> None:
    (read,) = (step for step in steps(ACTION) if step.get("id") == "read")
    output = tmp_path / "output"
    named = {"ENVIRONMENT": "prod", "ROLE": "personalize-refresh-deploy"}
    subprocess.run(
        ["bash", "-e", "-c", read["run"]],
        cwd=ROOT,
        env={**os.environ, **named, "GITHUB_OUTPUT": str(output)},
        check=True,
    )
    assert output.read_text("utf-8").splitlines() == [
        "role=arn:aws:iam::111122223333:role/personalize-refresh-deploy",
        "region=ap-northeast-1",
    ]


def test_the_hooks_run_tools_from_the_virtual_environment_and_download_nothing() -> None:
    (repository,) = loaded(ROOT / ".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        program = shlex.split(hook["entry"])[0]
        assert hook["language"] == "system"
        assert os.access(BIN / Path(program).name, os.X_OK), program
        assert Path(program).parent == Path(".venv/bin")


def test_the_newest_release_of_the_changelog_is_the_projects_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    releases = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", changes, re.MULTILINE)
    assert releases[0] == project["version"]
    assert releases == sorted(set(releases), key=lambda r: [*map(int, r.split("."))], reverse=True)


def test_the_license_is_the_one_that_the_project_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert project["license"] == "Apache-2.0"
    assert text.split()[:4] == ["Apache", "License", "Version", "2.0,"]
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_a_document_leads_to_a_file(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text("utf-8")):
        if not target.startswith("https://"):
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_make_command_of_a_document_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:`|\$ )make ([a-z-]+)", path.read_text("utf-8")))
    assert named <= targets


@pytest.mark.parametrize("folder", ["stacks", "lambdas", "statemachine", "embedded_aws"])
def test_no_partition_is_written_into_the_code(folder: str) -> None:
    files = [p for p in (ROOT / folder).rglob("*") if p.suffix in {".py", ".yaml"}]
    assert files
    assert [p.name for p in files if "arn:aws:" in p.read_text("utf-8")] == []


KOREAN = re.compile(r"[가-힣]")


def _skeleton(text: str) -> dict[str, list[str]]:
    """Return what the two READMEs must have in common, in order."""
    blocks = re.findall(r"```.*?```", text, re.DOTALL)
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    links = re.findall(r"\]\(([^)]+)\)", prose)
    return {
        "code": blocks,
        "headings": [line.split(" ")[0] for line in prose.splitlines() if line.startswith("#")],
        "links": [link for link in links if not link.startswith("README")],
        "rows": [str(line.count("|")) for line in prose.splitlines() if line.startswith("|")],
    }


def test_the_korean_readme_has_the_same_sections_code_links_and_tables() -> None:
    english = (ROOT / "README.md").read_text("utf-8")
    korean = (ROOT / "README.ko.md").read_text("utf-8")
    assert _skeleton(korean) == _skeleton(english)
    prose = re.sub(r"```.*?```", "", korean, flags=re.DOTALL)
    paragraphs = [part for part in prose.split("\n\n") if len(part) > 80]
    assert all(KOREAN.search(part) for part in paragraphs)
