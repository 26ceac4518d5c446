"""Nests of tuples and lists that the comparisons with torch take apart."""


def flat(value):
    """The leaves of a nest of tuples and lists, None included."""
    return [leaf for part in value for leaf in flat(part)] if isinstance(value, (tuple, list)) else [value]
