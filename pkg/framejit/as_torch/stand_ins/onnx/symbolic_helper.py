"""torch.onnx.symbolic_helper: decorators of PyTorch's older exporter, which framejit does not have."""


def parse_args(*arg_descriptors):
    """A decorator that changes nothing."""
    return lambda fn: fn


def quantized_args(*arg_q_descriptors, **ignored):
    """A decorator that changes nothing."""
    return lambda fn: fn
