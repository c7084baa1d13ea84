"""The CDK app: every file in environments/ becomes one stack, PersonalizeRefresh-<name>.

Needs no AWS account, no network and no Docker to synthesise: all that a stack depends on is in its
environment file, and the same files always give the same templates. The variable ENVIRONMENTS names
another folder of environment files.
"""

import os
import sys
from pathlib import Path

from stacks.bounds import bound_problems
from stacks.load import SettingsError, load

HERE = Path(__file__).parent


def main() -> None:
    """Synthesise a stack for each environment, or end with every problem of the settings."""
    try:
        environments = load(
            Path(os.environ.get("ENVIRONMENTS", HERE / "environments")), bound_problems
        )
    except SettingsError as error:
        sys.exit(str(error))

    # Importing the CDK starts Node.js: only now, since wrong settings need not wait for it, and
    # from the virtual environment, whether or not that is activated.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    import aws_cdk as cdk  # noqa: PLC0415
    from cdk_nag import AwsSolutionsChecks  # noqa: PLC0415

    from stacks.refresh_stack import RefreshStack  # noqa: PLC0415

    app = cdk.App(
        analytics_reporting=False,
        outdir=os.environ.get("CDK_OUTDIR", str(HERE / "cdk.out")),  # the CLI names its own
    )
    for name, environment in environments.items():
        RefreshStack(app, f"PersonalizeRefresh-{name}", environment=environment)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()


if __name__ == "__main__":
    main()
