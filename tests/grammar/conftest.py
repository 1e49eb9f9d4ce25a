"""grammar/ stands outside the package and is no package: its programs are found by path."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
for folder in (HERE, HERE.parent.parent / "grammar"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
