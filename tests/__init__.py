"""The test suite: `python -m unittest discover -s tests -t .` or tools/run_tests.py."""
