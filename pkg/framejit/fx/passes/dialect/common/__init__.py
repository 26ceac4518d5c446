"""Passes for graphs of operators of any kind."""
