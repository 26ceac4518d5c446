"""torch.onnx, beside what framejit.onnx has: registrations for PyTorch's older exporter, which are kept nowhere."""


def register_custom_op_symbolic(symbolic_name, symbolic_fn, opset_version):
    """Accepted, without effect."""


def unregister_custom_op_symbolic(symbolic_name, opset_version):
    """Accepted, without effect."""
