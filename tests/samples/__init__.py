"""The sample functions of tests/op_samples.py, a family a file."""
