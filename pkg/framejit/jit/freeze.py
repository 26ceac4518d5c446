"""freeze: a scripted module whose parameters and attributes have become constants of its code."""

from framejit import _ops as _t
from framejit.nn import Module

from . import ir
from . import types as T
from .functions import Function
from .infer import infer_type
from .module_type import ModuleType
from .script_module import ScriptModule, _new, ready


def freeze(mod, preserved_attrs=None, optimize_numerics=True):
    """A module that does what mod does in evaluation mode, its parameters, buffers and attributes being constants of the code.

    Attributes that the code writes, and `preserved_attrs`, stay attributes. Tests that are decided then (`self.training`) are gone.

    mod (ScriptModule), preserved_attrs (list of str or None): attributes and methods to keep, optimize_numerics (bool): not used.
    Raises RuntimeError (mod is not scripted, or is in training mode).

    >>> import framejit
    >>> m = framejit.jit.script(framejit.nn.Sequential(framejit.nn.Linear(2, 3), framejit.nn.Dropout()).eval())
    >>> frozen = framejit.jit.freeze(m)
    >>> len(list(frozen.parameters())), framejit.equal(frozen(framejit.ones(1, 2)), m(framejit.ones(1, 2)))
    (0, True)
    """
    if not isinstance(mod, ScriptModule) or type(mod)._script_type is None:
        raise RuntimeError(
            "Freezing expects a ScriptModule as input. Please use torch.jit.script or torch.jit.trace to script your 'nn.Module'."
        )
    if mod.training:
        raise RuntimeError(
            "Freezing is currently only implemented for modules in eval mode. Please call .eval() on your module before freezing."
        )
    return _Freezer(mod, preserved_attrs or []).run()


def optimize_for_inference(mod, other_methods=None):
    """mod, frozen if it is not yet.

    mod (ScriptModule), other_methods (list of str or None): methods to keep. Raises RuntimeError (mod is not scripted, or is in
    training mode).

    >>> import framejit
    >>> m = framejit.jit.optimize_for_inference(framejit.jit.script(framejit.nn.Linear(2, 3).eval()))
    >>> m(framejit.ones(1, 2)).shape
    framejit.Size([1, 3])
    """
    return mod if not list(mod.parameters()) and not mod.training else freeze(mod, other_methods)


def run_frozen_optimizations(mod, optimize_numerics=True, preserved_methods=None):
    """Nothing: framejit's compiler optimises where code runs.

    mod (ScriptModule), optimize_numerics (bool), preserved_methods (list of str or None): not used. Raises nothing.

    >>> import framejit
    >>> framejit.jit.run_frozen_optimizations(framejit.jit.freeze(framejit.jit.script(framejit.nn.ReLU().eval())))
    """


class _Freezer:
    """Rewrites the methods of a module for its one instance."""

    def __init__(self, root, preserved):
        self.root, self.preserved = root, set(preserved)
        self.paths, self.done = {}, {}
        self._walk(root, ())
        self.written = set()  # (id of module, attribute)
        self.kept = {}  # path -> attributes that stay

    def _walk(self, module, path):
        self.paths.setdefault(id(module), path)
        for name, child in module._modules.items():
            if child is not None:
                self._walk(child, (*path, name))

    def run(self):
        kind = type(self.root)._script_type
        names = ["forward", *(n for n in self.preserved if isinstance(kind.find_method(n), Function))]
        for name in self.preserved:
            if kind.find_method(name) is None and not hasattr(self.root, name):
                raise RuntimeError(f"Could not find preserved attribute '{name}' on the module")
        functions = [kind.find_method(n).ensure() for n in names if kind.find_method(n) is not None]
        for function in functions:
            self._find_writes(function, self.root, set())
        self.type = ModuleType(kind.qualname)
        self.type.attributes["training"] = T.BOOL
        for path in {self._path(i) for i, _ in self.written}:
            self._type_at(path)
        for at, name in self.written:
            self._keep(self._path(at), name)
        for name in self.preserved:
            if kind.find_method(name) is None:
                self._keep((), name)
        for function in functions:
            self.type.methods[function.name] = self._method(function, self.root, function.name)
        return ready(self._build(self.root, self.type))

    def _path(self, at):
        return self.paths[at]

    def _module_at(self, path):
        module = self.root
        for name in path:
            module = module._modules[name]
        return module

    def _type_at(self, path):
        """The type of a module that stays because something in it does."""
        t, module = self.type, self.root
        for name in path:
            module = module._modules[name]
            if not isinstance(t.attributes.get(name), ModuleType):
                made = t.attributes[name] = ModuleType(type(module)._script_type.qualname)
                made.attributes["training"] = T.BOOL
            t = t.attributes[name]
        return t

    def _keep(self, path, name):
        module, t = self._module_at(path), self._type_at(path)
        old = type(module)._script_type
        if name in module._modules:
            t.attributes[name] = old.attributes[name]
            return
        t.attributes[name] = old.attributes[name]
        if name in old.parameters:
            t.parameters.append(name)
        if name in old.buffers:
            t.buffers.append(name)

    def _build(self, module, t):
        made = _new(t)
        made.__dict__["training"] = False
        for name, part in t.attributes.items():
            if name == "training":
                continue
            value = getattr(module, name)
            if isinstance(value, Module):
                made._modules[name] = self._build(value, part) if type(value)._script_type is not part else value
            elif name in t.parameters:
                made._parameters[name] = value
            elif name in t.buffers:
                made._buffers[name] = value
            else:
                made.__dict__[name] = value
        return made

    # which attributes are written

    def _instance(self, e, selves):
        """The module that an expression is, if it is one of the tree."""
        if isinstance(e, ir.Var):
            return selves.get(e.name)
        if isinstance(e, ir.GetAttr):
            owner = self._instance(e.obj, selves)
            return owner._modules.get(e.name) if isinstance(owner, Module) else None
        return None

    def _find_writes(self, function, module, seen):
        if (id(function), id(module)) in seen:
            return
        seen.add((id(function), id(module)))
        selves = _module_variables(function, module, self)
        for node in ir.walk(function.ensure().body):
            if isinstance(node, ir.SetAttr):
                owner = self._instance(node.obj, selves)
                if owner is not None:
                    self.written.add((id(owner), node.name))
            elif isinstance(node, ir.OpCall):
                self._argument_writes(node, selves)
            elif isinstance(node, (ir.CallMethod, ir.CallInterface)):
                owner = self._instance(node.obj, selves)
                if owner is not None:
                    self._find_writes(called(node, owner), owner, seen)
            if isinstance(node, (ir.Call, ir.CallMethod, ir.CallInterface, ir.CallPython)):
                self._container_writes(node, selves)

    def _argument_writes(self, node, selves):
        """In-place operators on an attribute keep it."""
        for formal, a in zip(node.schema.arguments, node.args):
            if formal.writes and isinstance(a, ir.GetAttr):
                owner = self._instance(a.obj, selves)
                if owner is not None:
                    self.written.add((id(owner), a.name))

    def _container_writes(self, node, selves):
        """A list or dict that goes elsewhere may be written to there, and a buffer by batch_norm."""
        for a in node.args:
            if isinstance(a, ir.GetAttr):
                owner = self._instance(a.obj, selves)
                kind = type(owner)._script_type.attributes.get(a.name) if owner is not None else None
                if isinstance(kind, (T.ListType, T.DictType)):
                    self.written.add((id(owner), a.name))

    # the new code

    def _method(self, function, module, name):
        """A function for one module as a method of the new root."""
        key = (id(function), id(module))
        if key in self.done:
            return self.done[key]
        made = self.done[key] = Function(f"{self.type.qualname}.{name}", None, self.type)
        first = type(function.params[0])("self", self.type)
        made.params, made.returns, made._state = [first, *function.params[1:]], function.returns, "done"
        made.body = _Rewriter(self, function, module).block(function.ensure().body)
        return made

    def method_for(self, function, module):
        """The method that a call of a submodule's method becomes."""
        key = (id(function), id(module))
        if key not in self.done:
            name = "_" + "_".join([*self._path(id(module)), function.name]).replace(".", "_")
            count = 0
            while name in self.type.methods:
                count += 1
                name = f"{name}_{count}"
            self.type.methods[name] = None
            self.type.methods[name] = self._method(function, module, name)
        return self.done[key]


def _module_variables(function, module, freezer):
    """name -> module of the variables that stand for one."""
    selves = {function.params[0].name: module} if function.params else {}
    for node in ir.walk(function.body):
        if isinstance(node, ir.Assign) and isinstance(node.target, str):
            found = freezer._instance(node.value, selves)
            if found is not None:
                selves[node.target] = found
    return selves


def called(node, owner):
    """The method that a call on a module means."""
    return node.function if isinstance(node, ir.CallMethod) else type(owner)._script_type.find_method(node.name)


class _Rewriter:
    """Copies a body, constants in the place of attributes."""

    def __init__(self, freezer, function, module):
        self.freezer = freezer
        self.selves = {function.params[0].name: module}

    def block(self, body):
        out = []
        for s in body:
            out += self.statement(s)
        return out

    def statement(self, s):
        if isinstance(s, ir.Assign) and isinstance(s.target, str):
            found = self.freezer._instance(s.value, self.selves)
            if found is not None:
                self.selves[s.target] = found
                return []
        if isinstance(s, ir.If):
            test = self.expression(s.test)
            if isinstance(test, ir.Const):
                return self.block(s.yes if test.value else s.no)
            return [ir.If(test, self.block(s.yes), self.block(s.no), where=s.where)]
        return [self.copy(s)]

    def copy(self, node):
        """A node with rewritten parts."""
        values = [self._field(node, f, getattr(node, f)) for f in node.fields]
        return type(node)(*values, where=node.where, type=getattr(node, "type", None))

    def _field(self, node, field, value):
        if field in ("body", "yes", "no") and isinstance(value, list):
            return self.block(value)
        if field in ("schema", "function", "cls", "target", "annotation", "types", "name", "value") and not hasattr(
            value, "fields"
        ):
            return value
        if isinstance(value, list):
            return [self._field(node, "", v) for v in value]
        if hasattr(value, "fields"):
            return self.expression(value)
        return value

    def expression(self, e):
        if isinstance(e, ir.GetAttr):
            return self._attribute(e)
        if isinstance(e, (ir.CallMethod, ir.CallInterface)):
            owner = self.freezer._instance(e.obj, self.selves)
            if owner is not None:
                method = self.freezer.method_for(called(e, owner), owner)
                me = ir.Var("self", where=e.where, type=self.freezer.type)
                return ir.CallMethod(
                    me, method.name, method, [self.expression(a) for a in e.args], where=e.where, type=e.type
                )
        made = self.copy(e)
        if isinstance(made, ir.OpCall) and made.schema.name == "aten::__not__" and isinstance(made.args[0], ir.Const):
            return ir.const(not made.args[0].value, e.where)
        if isinstance(made, ir.Logic) and isinstance(made.left, ir.Const):
            return made.right if made.left.value is (made.op == "and") else made.left
        if isinstance(made, ir.Choose) and isinstance(made.test, ir.Const):
            return made.yes if made.test.value else made.no
        return made

    def _attribute(self, e):
        owner = self.freezer._instance(e.obj, self.selves)
        if owner is None:
            return self.copy(e)
        if (id(owner), e.name) in self.freezer.written:
            obj = ir.Var("self", where=e.where, type=self.freezer.type)
            for name in self.freezer._path(id(owner)):
                obj = ir.GetAttr(obj, name, where=e.where, type=obj.type.attributes[name])
            return ir.GetAttr(obj, e.name, where=e.where, type=e.type)
        value = getattr(owner, e.name)
        if isinstance(value, _t.Tensor):
            return ir.Const(value.detach(), where=e.where, type=T.TENSOR)
        if hasattr(type(value), "_script_type"):
            return self.copy(e)
        return _literal(value, e)


def _literal(value, e):
    """A value as an expression; containers are made anew each time."""
    t = e.type
    if isinstance(value, list):
        return ir.MakeList([_literal(v, _Typed(t.elem, e.where)) for v in value], where=e.where, type=t)
    if isinstance(value, dict):
        keys = [_literal(k, _Typed(t.keys, e.where)) for k in value]
        return ir.MakeDict(
            keys, [_literal(v, _Typed(t.values, e.where)) for v in value.values()], where=e.where, type=t
        )
    if isinstance(value, tuple):
        return ir.MakeTuple([_literal(v, _Typed(p, e.where)) for v, p in zip(value, t.parts)], where=e.where, type=t)
    if isinstance(value, _t.Tensor):
        return ir.Const(value.detach(), where=e.where, type=T.TENSOR)
    return ir.Const(value, where=e.where, type=infer_type(value) if isinstance(t, T.UnionType) else t)


class _Typed:
    def __init__(self, type, where):
        self.type, self.where = type, where
