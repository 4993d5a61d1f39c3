"""The import contract: a lower layer never imports a higher one, siblings never each other."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "coexplore"
LAYERS = [
    {"cli"},
    {"systems"},
    {"reports"},
    {"studies"},
    {"cost", "accuracy"},
    {"design"},
    {"networks", "accelerators"},
    {"strategies", "workloads"},
    {"spaces", "objectives"},
    {"core"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
MAY_SEARCH = {"studies", "reports", "systems", "cli"}
CEILING_LINES = 500


def part(module: str) -> str | None:
    pieces = module.split(".")
    return pieces[1] if pieces[0] == "coexplore" and len(pieces) > 1 else None


def imports(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found


def broken_rules(owner: str, targets: set[str]) -> list[str]:
    rules = []
    for target in sorted(targets - {owner}):
        if target == "testing":
            rules.append(f"{owner} imports testing")
        elif RANK[target] <= RANK[owner]:
            rules.append(f"{owner} imports {target}")
        elif target == "strategies" and owner not in MAY_SEARCH:
            rules.append(f"{owner} searches")
    return rules


def sources() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*.py") if path.parent != SOURCE or path.name == "design.py")


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_one_way(path):
    relative = path.relative_to(SOURCE)
    owner = relative.parts[0].removesuffix(".py")
    if owner == "testing":
        return
    targets = {name for module in imports(ast.parse(path.read_text())) if (name := part(module))} - {"__version__"}
    assert broken_rules(owner, targets) == []


def test_the_contract_can_be_broken():
    assert broken_rules("core", {"cli"}) == ["core imports cli"]
    assert broken_rules("cost", {"accuracy"}) == ["cost imports accuracy"]
    assert broken_rules("studies", {"testing"}) == ["studies imports testing"]
    assert broken_rules("networks", {"strategies"}) == ["networks searches"]


def test_every_package_stands_in_the_contract():
    packages = {path.name for path in SOURCE.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert packages - set(RANK) == {"testing"}


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_every_module_says_what_it_is_for_and_stays_small(path):
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), "a module begins with its docstring"
    assert text.count("\n") <= CEILING_LINES
    assert path.name not in {"utils.py", "common.py", "misc.py", "helpers.py"}
