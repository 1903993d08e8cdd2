"""`python -m synweight_core ...` is `synweight ...`."""

from synweight_core.cli import main

main()
