"""torch.testing._internal.common_quantization"""


def skipIfNoDynamoSupport(fn):
    """fn: compiling is supported wherever framejit runs."""
    return fn
