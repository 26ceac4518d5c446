"""One module a suite; each defines `rows(options)`, a generator of harness.Row. run.py lists them by name."""
