"""The operator's command line; it is not deployed."""

import sys
from pathlib import Path

# What a run costs and how long its stages took is computed as the tasks compute it. Their modules
# import one another by name, as they lie side by side in Lambda.
sys.path.append(str(Path(__file__).parent.parent / "lambdas"))
