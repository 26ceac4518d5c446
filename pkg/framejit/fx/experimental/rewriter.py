"""RewritingTracer: a tracer that rewrites what cannot be traced, assertions, into calls first."""

import ast
import copy
import inspect
import textwrap
import types

from framejit.fx.graph_module import GraphModule
from framejit.fx.symbolic_trace import Tracer
from framejit.nn import Module, Sequential


class _Asserts(ast.NodeTransformer):
    """`assert test, message` becomes a call; assignments with annotations note the type of the value."""

    def visit_Assert(self, node):
        message = node.msg or ast.Constant("")
        call = ast.Call(ast.parse("__import__('framejit')._assert", mode="eval").body, [node.test, message], [])
        return ast.copy_location(ast.Expr(call), node)

    def visit_AnnAssign(self, node):
        if node.value is None or not node.simple:
            return node
        function = ast.parse("__import__('framejit.fx.annotate').fx.annotate.annotate", mode="eval").body
        call = ast.Call(function, [node.value, node.annotation], [])
        return ast.copy_location(ast.Assign([node.target], call), node)


class AST_Rewriter:
    """Rewrites functions. Raises OSError for one whose source is not there."""

    def rewrite(self, fn):
        """The function with its assertions as calls that can be recorded. fn (function)."""
        tree = ast.parse(textwrap.dedent(inspect.getsource(fn)))
        tree.body[0].decorator_list = []
        tree = ast.fix_missing_locations(_Asserts().visit(tree))
        namespace = dict(fn.__globals__)
        free = fn.__code__.co_freevars
        if free:  # names of the function around it
            maker = ast.parse(f"def _make({', '.join(free)}):\n    pass\n").body[0]
            maker.body = [tree.body[0], ast.Return(ast.Name(fn.__name__, ast.Load()))]
            tree = ast.fix_missing_locations(ast.Module([maker], []))
        exec(compile(tree, inspect.getsourcefile(fn) or "<rewritten>", "exec"), namespace)
        made = namespace["_make"](*(c.cell_contents for c in fn.__closure__)) if free else namespace[fn.__name__]
        result = types.FunctionType(made.__code__, fn.__globals__, fn.__name__, fn.__defaults__, made.__closure__)
        result.__kwdefaults__, result.__annotations__ = fn.__kwdefaults__, fn.__annotations__
        return result


class RewritingTracer(Tracer):
    """A Tracer of modules whose `forward`s are rewritten first.

    Takes what Tracer takes. Raises OSError for a module whose source is not there.

    >>> import framejit
    >>> tracer = framejit.fx.experimental.rewriter.RewritingTracer()
    """

    def trace(self, root, concrete_args=None):
        """The graph of a module or function."""
        return super().trace(_rewritten(root), concrete_args)


def _rewritten(root):
    if not isinstance(root, Module):
        return AST_Rewriter().rewrite(root)
    if type(root).__module__.startswith("framejit.nn") or isinstance(root, (GraphModule, Sequential)):
        made = copy.copy(root) if root._modules else root
    else:
        made = copy.copy(root)
        own = type(type(root).__name__, (type(root),), {"__module__": type(root).__module__})
        own.forward = AST_Rewriter().rewrite(type(root).forward)
        made.__class__ = own
    if root._modules:
        made.__dict__["_modules"] = {name: _rewritten(child) for name, child in root._modules.items()}
    return made
