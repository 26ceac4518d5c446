"""torch._dynamo.backends.tvm: there is no TVM."""


def has_tvm():
    """False."""
    return False
