"""What the functions may import: their neighbours, boto3 and the standard library."""

import ast
import sys
from pathlib import Path

import pytest

LAMBDAS = Path(__file__).parents[2] / "lambdas"
MODULES = sorted(LAMBDAS.glob("*.py"))
BROUGHT_BY_LAMBDA = {"boto3", "botocore"}
TYPES_ONLY = {"mypy_boto3_personalize"}


def imported(module: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            found.add(str(node.module).split(".")[0])
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_a_function_imports_boto3_the_standard_library_and_its_neighbours_only(
    module: Path,
) -> None:
    neighbours = {other.stem for other in MODULES}
    allowed = neighbours | BROUGHT_BY_LAMBDA | TYPES_ONLY | set(sys.stdlib_module_names)
    assert imported(module) - allowed == set()


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_only_a_handler_reads_the_environment(module: Path) -> None:
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        is_handler = isinstance(node, ast.FunctionDef) and node.name == "lambda_handler"
        assert is_handler or "os.environ" not in ast.unparse(node), ast.unparse(node)
