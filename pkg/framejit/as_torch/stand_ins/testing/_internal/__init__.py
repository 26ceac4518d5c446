"""Helpers of PyTorch's own test files, for running such files on framejit."""
