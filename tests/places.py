"""Where things lie, from a test."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
DOCS = ROOT / "docs"
RSNA = ROOT.parent / "shared" / "rsna"  # the real films, where they are beside the repository
