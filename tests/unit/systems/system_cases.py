"""A system whose scripts a test writes."""

from __future__ import annotations

from pathlib import Path

from coexplore.systems import scripts
from coexplore.systems.reproduction import Order
from coexplore.systems.system import Claim, Figure, Mark, System, at

FIGURES = (Figure("gain", at("gain"), "x {:.2f}", "x 1.50", 1.5), Figure("loss", at("loss")))
GOOD = """
import argparse, json
parser = argparse.ArgumentParser()
for name in ("--data", "--out", "--plot"):
    parser.add_argument(name)
parser.add_argument("--quick", action="store_true")
options = parser.parse_args()
print("a line <b>")
if options.plot:
    open(options.plot, "w").write("plot")
print(json.dumps({"gain": 1.2, **vars(options)}))
"""


def order(monkeypatch, folder: Path, script: str, **options) -> Order:
    """An order for a claim whose script has this text."""
    claim = Claim("it-works", "it works", Mark.VERIFIED, "a paper", "All of it.", FIGURES, **options)
    path = folder / "scripts" / "toy" / claim.script
    path.parent.mkdir(parents=True)
    path.write_text(script)
    monkeypatch.setattr(scripts, "CHECKOUT", folder / "scripts")
    monkeypatch.delenv("COEXPLORE_DATA", raising=False)
    return Order(System("toy", "A paper", (), (), (claim,)), claim, folder / "left")
