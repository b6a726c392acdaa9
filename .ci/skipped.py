"""`python .ci/skipped.py RESULTS.xml`: the tests that a run of pytest skipped, as arguments for another run, one a line."""

import sys
from xml.etree import ElementTree

for case in ElementTree.parse(sys.argv[1]).iter("testcase"):  # noqa: S314 our own pytest wrote it
    if case.find("skipped") is not None:
        print(f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}")  # noqa: T201
