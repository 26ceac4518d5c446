"""torch._dynamo._trace_wrapped_higher_order_op: a mode that packages enter around functions of masks."""


class TransformGetItemToIndex:
    """A context that does nothing: subscripts with tensors are index operations in framejit anyway."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        return False
