"""Back ends that compile forward and backward passes apart: `aot_autograd` and its relatives.

The graph that such a compiler is given is functional: in-place operations have become others, what they wrote is
returned, and the forward pass returns what the backward pass needs, too.
"""

import functools

from framejit._backends import compiled_graph


class AotAutograd:
    """A back end made of compilers; see `aot_autograd`."""

    def __init__(self, fw_compiler, bw_compiler=None, inference_compiler=None):
        forward = _compiler(fw_compiler)
        backward = forward if bw_compiler is None else _compiler(bw_compiler)
        # What the extension looks for: compilers of forward passes, of backward passes, and of graphs without one.
        self._framejit_aot = (
            forward, backward, forward if inference_compiler is None else _compiler(inference_compiler),
        )  # fmt: skip
        self.__name__ = "aot_autograd"

    def __call__(self, gm, example_inputs, **ignored):
        return compiled_graph(gm, self, name="<aot>")


def _compiler(given):
    """Compiler of a graph whose result may want its arguments as one list (`make_boxed_func`)."""
    if not callable(given):
        raise TypeError(f"a compiler must be callable, not {type(given).__name__}")

    @functools.wraps(given, updated=())
    def compiler(gm, example_inputs):
        result = given(gm, example_inputs)
        if getattr(result, "_boxed_call", False):
            return lambda *args: result(list(args))
        return result

    return compiler


def make_boxed_func(f):
    """A function of one list of arguments, as PyTorch's own compilers give them, of one that takes them apart.

    f (callable).

    >>> from framejit._aot import make_boxed_func
    >>> make_boxed_func(lambda a, b: a + b)([1, 2])
    3
    """

    def boxed(args):
        return f(*args)

    boxed._boxed_call = True
    return boxed


def make_boxed_compiler(compiler):
    """The compiler, its results boxed.

    compiler (callable).

    >>> from framejit._aot import make_boxed_compiler
    >>> make_boxed_compiler(lambda gm, inputs: gm)(lambda a: -a, None)([4])
    -4
    """

    @functools.wraps(compiler)
    def boxed(gm, example_inputs):
        return make_boxed_func(compiler(gm, example_inputs))

    return boxed


def aot_autograd(*, fw_compiler, bw_compiler=None, inference_compiler=None, decompositions=None, partition_fn=None,
                 keep_inference_input_mutations=False, **ignored):  # fmt: skip
    """A back end for `framejit.compile` out of compilers of forward and backward graphs.

    fw_compiler, bw_compiler, inference_compiler (callable, or None: fw_compiler): (fx.GraphModule, example inputs) -> a
    callable, or one that `make_boxed_func` made. The backward graph is compiled when it is first needed. decompositions,
    partition_fn, keep_inference_input_mutations: accepted; framejit decides what is saved. Raises TypeError for a
    compiler that is not callable.

    >>> import framejit
    >>> from framejit._aot import aot_autograd
    >>> def show(name):
    ...     def compiler(gm, example_inputs):
    ...         print(name, [node.name for node in gm.graph.nodes if node.op == "call_function"])
    ...         return gm.forward
    ...     return compiler
    >>> backend = aot_autograd(fw_compiler=show("forward"), bw_compiler=show("backward"))
    >>> x = framejit.ones(3, requires_grad=True)
    >>> framejit.compile(lambda x: x.sin(), backend=backend)(x).sum().backward()
    forward ['sin']
    backward ['cos', 'mul']
    """
    return AotAutograd(fw_compiler, bw_compiler, inference_compiler)


def aot_module_simplified(mod, args, fw_compiler, bw_compiler=None, partition_fn=None, decompositions=None,
                          keep_inference_input_mutations=False, inference_compiler=None, **ignored):  # fmt: skip
    """A captured graph with its forward and backward passes compiled by these; for use inside a back end.

    mod (fx.GraphModule), args (its example inputs), the compilers as for `aot_autograd`. Raises what they raise, when the
    result is first called.

    >>> import framejit
    >>> from framejit._aot import aot_module_simplified
    >>> def backend(gm, example_inputs):
    ...     return aot_module_simplified(gm, example_inputs, fw_compiler=lambda gm, inputs: gm.forward)
    >>> framejit.compile(lambda x: x + 1, backend=backend)(framejit.zeros(2))
    tensor([1., 1.])
    """
    return AotAutograd(fw_compiler, bw_compiler, inference_compiler)(mod, args)


def aot_function(fn, fw_compiler, bw_compiler=None, partition_fn=None, decompositions=None, inference_compiler=None,
                 **ignored):  # fmt: skip
    """fn as one graph whose forward and backward passes these compile.

    fn (callable); the others as for `aot_autograd`. What it makes raises Unsupported where fn is not one graph.

    >>> import framejit
    >>> from framejit._aot import aot_function
    >>> aot_function(lambda x: x * 2, fw_compiler=lambda gm, inputs: gm.forward)(framejit.ones(2))
    tensor([2., 2.])
    """
    import framejit

    return framejit.compile(fn, backend=AotAutograd(fw_compiler, bw_compiler, inference_compiler), fullgraph=True)


def aot_module(mod, *args, **kwargs):
    """The same for a module: one that shares its parameters.

    mod (nn.Module); the others as for `aot_function`.

    >>> import framejit
    >>> from framejit._aot import aot_module
    >>> layer = framejit.nn.Linear(2, 2)
    >>> out = aot_module(layer, fw_compiler=lambda gm, inputs: gm.forward)(framejit.ones(2))
    >>> framejit.equal(out, layer(framejit.ones(2)))
    True
    """
    import framejit

    class AOTModule(framejit.nn.Module):
        def __init__(self):
            super().__init__()
            self.orig_module = mod

        def forward(self, *inputs, **options):
            return self.orig_module(*inputs, **options)

    made = AOTModule()
    made.forward = aot_function(made.forward, *args, **kwargs)
    return made


def nop(gm, example_inputs):
    """The graph itself, as a compiler.

    gm (fx.GraphModule).

    >>> from framejit._aot import nop
    >>> nop(abs, None)(-3)
    3
    """
    return gm


def default_partition(*args, **kwargs):
    """A name for `partition_fn`, which framejit accepts and does not ask. Raises NotImplementedError when called."""
    raise NotImplementedError("what a backward pass needs is framejit's own choice")


min_cut_rematerialization_partition = default_partition
