"""The CDK app: every file in environments/ becomes one stack, PersonalizeRefresh-<name>.

Needs no AWS account, no network and no Docker to synthesise: all that a stack depends on is in its
environment file, and the same files always give the same templates. The variable ENVIRONMENTS names
another folder of environment files.
"""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from stacks.bounds import bound_problems
from stacks.load import SettingsError, load
from stacks.settings import Environment
from stacks.sizes import size_problems, template_problems

HERE = Path(__file__).parent
# How Node.js reports a folder that it may not write to, or a full disk.
UNWRITABLE = re.compile(r"\b(EACCES|EDQUOT|ENOSPC|ENOTDIR|EPERM|EROFS): ")


def main() -> None:
    """Synthesise a stack for each environment, or end with every problem of the settings."""
    try:
        environments = load(Path(os.environ.get("ENVIRONMENTS", HERE / "environments")), judge)
    except SettingsError as error:
        sys.exit(str(error))

    folder = os.environ.get("CDK_OUTDIR", str(HERE / "cdk.out"))  # the CLI names its own
    try:
        problems = synthesise(environments, Path(folder))
    except Exception as error:  # the CDK has no type of its own for these
        if not UNWRITABLE.search(str(error)):
            raise
        sys.exit(f"nothing can be synthesised: {str(error).splitlines()[0]}")
    if problems:
        sys.exit("\n".join(problems))


def synthesise(environments: Mapping[str, Environment], folder: Path) -> list[str]:
    """Write a stack for each environment to `folder`; return what in them is too large for AWS."""
    # Importing the CDK starts Node.js: only now, since wrong settings need not wait for it, and
    # from the virtual environment, whether or not that is activated.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    import aws_cdk as cdk  # noqa: PLC0415
    from cdk_nag import AwsSolutionsChecks  # noqa: PLC0415

    from stacks.refresh_stack import RefreshStack  # noqa: PLC0415

    app = cdk.App(analytics_reporting=False, outdir=str(folder))
    for name, environment in environments.items():
        RefreshStack(app, f"PersonalizeRefresh-{name}", environment=environment)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()
    return [
        f"PersonalizeRefresh-{name}: {problem}"
        for name in environments
        for problem in template_problems(template_file(folder, name).read_text("utf-8"))
    ]


def template_file(folder: Path, environment: str) -> Path:
    """Return where the template of an environment is synthesised to."""
    return folder / f"PersonalizeRefresh-{environment}.template.json"


def judge(environment: Environment) -> list[str]:
    """Return what is too large for AWS in an environment whose fields are right."""
    return [*bound_problems(environment), *size_problems(environment)]


if __name__ == "__main__":
    main()
