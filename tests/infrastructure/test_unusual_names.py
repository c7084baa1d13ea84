"""Names that S3 and Glue allow and few people use: the stack of an environment that has them."""

import json
from pathlib import Path
from typing import Any

import yaml

from rehearsal.assembly import synthesise

# each is a legal S3 key; cdk-nag and the CDK read blanks and brackets in it as their own signs
FOLDERS = (
    "a b/",
    "dt=2020+01/",
    "a(b)/",
    "x[1/",
    "y}/",
    "q\"uo'te/",
    "back\\slash/",
    "상호작용/",
    "st*r/",
)


def test_every_legal_folder_and_job_name_is_synthesised_without_findings(tmp_path: Path) -> None:
    refreshes = [
        {
            "name": f"refresh-{number}",
            "glue_job": f"Export [{number}] (daily) 일일 {{}}",
            "datasets": [
                {
                    "dataset_group": f"group-{number}",
                    "type": "INTERACTIONS",
                    "location": f"s3://shop-data/{folder}",
                }
            ],
            "campaigns": [{"name": f"campaign-{number}", "solution": f"solution-{number}"}],
        }
        for number, folder in enumerate(FOLDERS)
    ]
    environments = tmp_path / "environments"
    environments.mkdir()
    settings = {
        "account": "111122223333",
        "region": "ap-northeast-1",
        "table": {"name": "ROWS"},
        "import_role": {"buckets": ["shop-data"]},
        "refreshes": refreshes,
    }
    (environments / "unusual.yaml").write_text(yaml.safe_dump(settings))
    assembly = synthesise(tmp_path / "assembly", environments)
    text = (assembly / "PersonalizeRefresh-unusual.template.json").read_text("utf-8")
    readable = set(strings(json.loads(text)))
    assert {f"arn:aws:s3:::shop-data/{folder}*" for folder in FOLDERS} <= readable


def strings(node: Any) -> list[str]:
    """Return every text in a template."""
    if isinstance(node, dict | list):
        inner = node.values() if isinstance(node, dict) else node
        return [text for value in inner for text in strings(value)]
    return [node] if isinstance(node, str) else []
