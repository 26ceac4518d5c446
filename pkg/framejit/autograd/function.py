"""Functions whose derivative the user writes."""

import functools
import inspect

from framejit import _C
from framejit.autograd._function_vmap import apply_batched


class FunctionCtx:
    """What `forward` leaves for `backward`.

    >>> import framejit
    >>> class Square(framejit.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...     @staticmethod
    ...     def backward(ctx, grad):
    ...         return 2 * ctx.saved_tensors[0] * grad
    >>> x = framejit.tensor([3.0], requires_grad=True)
    >>> Square.apply(x).backward()
    >>> x.grad
    tensor([6.])
    """

    needs_input_grad = ()
    materialize_grads = True
    dirty_tensors = None
    non_differentiable = None
    to_save = None
    _saved = None

    def save_for_backward(self, *tensors):
        """Keeps inputs or outputs of the function; what else is needed may be stored as attributes."""
        self.to_save = tensors

    def save_for_forward(self, *tensors):
        """Accepted for PyTorch's sake: there is no forward-mode differentiation."""

    def mark_dirty(self, *tensors):
        """Says which inputs were written in place."""
        self.dirty_tensors = tensors

    def mark_non_differentiable(self, *tensors):
        """Says which outputs have no gradient."""
        self.non_differentiable = tensors

    def set_materialize_grads(self, value):
        """With False, gradients of unused outputs come as None instead of zeros."""
        self.materialize_grads = value

    @property
    def saved_tensors(self):
        if self._saved is not None:
            return self._saved.tensors()
        return tuple(self.to_save or ())

    saved_variables = saved_tensors


class Function:
    """Subclass with static methods `forward` and `backward`, call with `apply`.

    >>> import framejit
    >>> class Double(framejit.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return 2 * x
    ...     @staticmethod
    ...     def backward(ctx, grad):
    ...         return 2 * grad
    >>> x = framejit.ones(2, requires_grad=True)
    >>> Double.apply(x).sum().backward()
    >>> x.grad
    tensor([2., 2.])
    """

    _has_setup_context = False

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls._has_setup_context = cls.setup_context is not Function.setup_context

    def __init__(self, *args, **kwargs):
        raise RuntimeError(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so you "
            "should invoke them on the class itself. Instantiating an autograd function is not allowed."
        )

    @staticmethod
    def forward(*args, **kwargs):
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx, inputs, output):
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx, *grad_outputs):
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to "
            "use it with backward mode AD."
        )

    _context_type = FunctionCtx

    # With True, vmap maps `forward` and `backward`; otherwise a `vmap` of one's own is needed.
    generate_vmap_rule = False

    @staticmethod
    def vmap(info, in_dims, *args):
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the vmap static method or set "
            "generate_vmap_rule=True."
        )

    @staticmethod
    def jvp(ctx, *grad_inputs):
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    @classmethod
    def apply(cls, *args, **kwargs):
        if kwargs:
            args = _positional(cls, args, kwargs)
        batched = _C._vmap_depth()
        if not cls._has_setup_context and (batched or _C._func_depth()):
            raise RuntimeError(
                "In order to use an autograd.Function with the transformations of func (vmap, grad, jvp, jacrev, ...), it "
                "must override the setup_context staticmethod"
            )
        if batched:
            return apply_batched(cls, Function, args)
        return _C._function_apply(cls, FunctionCtx(), args)


def _positional(cls, args, kwargs):
    """Arguments given by name in the places that `forward` has for them."""
    head = () if cls._has_setup_context else (None,)
    bound = inspect.signature(cls.forward).bind(*head, *args, **kwargs)
    if bound.kwargs:
        raise NotImplementedError(
            f"{cls.__name__}.apply: kwarg-only Tensor args, and others that only a name gives, are not supported: "
            f"{', '.join(bound.kwargs)}"
        )
    return bound.args[len(head) :]


class _DelayedError(Function):
    """Passes tensors through; differentiating through it raises."""

    @staticmethod
    def forward(message, *tensors):
        return tensors

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.message = inputs[0]

    @staticmethod
    def backward(ctx, *grads):
        raise RuntimeError(ctx.message)


def once_differentiable(backward):
    """For a `backward` that cannot itself be differentiated: a second derivative raises instead of being wrong.

    backward (callable).

    >>> import framejit
    >>> class Double(framejit.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return 2 * x
    ...     @staticmethod
    ...     @framejit.autograd.once_differentiable
    ...     def backward(ctx, grad):
    ...         return 2 * grad
    >>> x = framejit.ones(2, requires_grad=True)
    >>> framejit.autograd.grad(Double.apply(x).sum(), x)
    (tensor([2., 2.]),)
    """

    @functools.wraps(backward)
    def wrapper(ctx, *grads):
        recording = _C.is_grad_enabled()
        _C._set_grad_enabled(False)
        try:
            found = backward(ctx, *grads)
        finally:
            _C._set_grad_enabled(recording)
        if not recording or not any(isinstance(g, _C.Tensor) and g.requires_grad for g in grads):
            return found
        many = found if isinstance(found, tuple) else (found,)
        kept = [g.detach() for g in many if g is not None]
        for g in kept:
            g.requires_grad = True
        passed = iter(
            _DelayedError.apply(
                "trying to differentiate twice a function that was marked with @once_differentiable", *kept
            )
        )
        many = tuple(None if g is None else next(passed) for g in many)
        return many if isinstance(found, tuple) else many[0]

    return wrapper
