"""The op table's generator: rows of csrc/ops/table/*.toml -> C++ table, stubs, docs, test matrix."""
