"""Checked code as a graph, for reading and inspection: `.graph` of scripted and traced functions and modules.

Values are assigned once; `prim::If` and `prim::Loop` have blocks, whose last line says what they give. `return`, `break` and
`continue` inside blocks are nodes of their own (`prim::ReturnStmt` …), as PyTorch has them before it rewrites exits. Nothing runs
from a graph.
"""

from . import ir
from . import types as T
from .printer import number, quoted

MAX_TRIPS = 9223372036854775807


class Value:
    """A value of a graph."""

    def __init__(self, name, type, node=None):
        self.name, self._type, self._node = name, type, node

    def debugName(self):
        """Its name without the %."""
        return self.name

    def type(self):
        """Its type."""
        return self._type

    def node(self):
        """The node that makes it; None for an input."""
        return self._node

    def __repr__(self):
        return f"{self.name} defined in ({self._node})"


class Node:
    """An operation: `kind()`, `inputs()`, `outputs()`, `blocks()`, `schema()`."""

    def __init__(self, kind, inputs, attributes, where, schema=None):
        self._kind, self._inputs, self._outputs, self._blocks = kind, list(inputs), [], []
        self.attributes, self.where, self._schema = attributes, where, schema

    def kind(self):
        """`aten::add`"""
        return self._kind

    def inputs(self):
        """Its input values."""
        return iter(self._inputs)

    def outputs(self):
        """Its output values."""
        return iter(self._outputs)

    def output(self):
        """Its only output."""
        return self._outputs[0]

    def blocks(self):
        """Its blocks."""
        return iter(self._blocks)

    def schema(self):
        """The operator's schema as text, "" if it is no operator."""
        return "" if self._schema is None else str(self._schema)

    def sourceRange(self):
        """The place in the source."""
        return "" if self.where is None else self.where.highlight()

    def lines(self, indent):
        """The node as text."""
        out = ", ".join(f"%{v.name} : {v._type.short()}" for v in self._outputs)
        attributes = f"[{', '.join(f'{k}={v}' for k, v in self.attributes.items())}]" if self.attributes else ""
        place = f" # {self.where.where()}" if self.where is not None else ""
        yield f"{indent}{out} = {self._kind}{attributes}({', '.join('%' + v.name for v in self._inputs)}){place}"
        for at, block in enumerate(self._blocks):
            params = ", ".join(f"%{v.name} : {v._type.short()}" for v in block._inputs)
            yield f"{indent}  block{at}({params}):"
            for node in block._nodes:
                yield from node.lines(indent + "    ")
            yield f"{indent}    -> ({', '.join('%' + v.name for v in block._outputs)})"

    def __str__(self):
        return "\n".join(self.lines("")) + "\n"


class Block:
    """A list of nodes with inputs and outputs."""

    def __init__(self):
        self._inputs, self._nodes, self._outputs = [], [], []

    def nodes(self):
        """The nodes, in order."""
        return iter(self._nodes)

    def inputs(self):
        """The input values."""
        return iter(self._inputs)

    def outputs(self):
        """The output values."""
        return iter(self._outputs)

    def findAllNodes(self, kind, recurse=True):
        """All nodes of a kind."""
        out = []
        for node in self._nodes:
            if node._kind == kind:
                out.append(node)
            if recurse:
                for block in node._blocks:
                    out += block.findAllNodes(kind)
        return out

    def findNode(self, kind, recurse=True):
        """The first node of a kind, or None."""
        found = self.findAllNodes(kind, recurse)
        return found[0] if found else None


class Graph(Block):
    """A function's graph. `str(graph)` is its text."""

    def __str__(self):
        params = ",\n      ".join(f"%{v.name} : {v._type.short()}" for v in self._inputs)
        lines = [line for node in self._nodes for line in node.lines("  ")]
        result = ", ".join("%" + v.name for v in self._outputs)
        return "\n".join([f"graph({params}):", *lines, f"  return ({result})"]) + "\n"

    def __repr__(self):
        return str(self)


def graph_of(function):
    """The graph of a checked function."""
    function.ensure()
    return _Builder().function(function)


class _Builder:
    """Writes a graph; `env` says which value a variable has."""

    def __init__(self):
        self.graph, self.env, self.counts, self.next = Graph(), {}, {}, 0
        self.block = self.graph

    def function(self, function):
        for p in function.params:
            self.env[p.name] = self._named(p.name, p.type, None)
            self.graph._inputs.append(self.env[p.name])
        self.body(function.body, top=True)
        if not self.graph._outputs:
            self.graph._outputs.append(self.of(ir.none()))
        return self.graph

    def _named(self, name, type, node):
        count = self.counts[name] = self.counts.get(name, 0) + 1
        return Value(f"{name}.{count}", type, node)

    def emit(self, kind, inputs, type=None, attributes=None, where=None, schema=None, name=None):
        """A node; gives its value."""
        node = Node(kind, inputs, attributes or {}, where, schema)
        self.block._nodes.append(node)
        if type is None:
            return None
        if name is None:
            value = Value(str(self.next), type, node)
            self.next += 1
        else:
            value = self._named(name, type, node)
        node._outputs.append(value)
        return value

    def body(self, statements, top=False):
        for s in statements:
            if top and isinstance(s, ir.Return):
                self.graph._outputs.append(self.of(s.value))
                return
            getattr(self, "do_" + type(s).__name__)(s)

    # statements

    def do_Assign(self, s):
        value = self.of(s.value)
        self._bind(s.target, value, s.where)

    def _bind(self, target, value, where):
        if isinstance(target, str):
            if value.name.isdigit():
                fresh = self._named(target, value._type, value._node)
                value.name = fresh.name
            self.env[target] = value
            return
        node = Node("prim::TupleUnpack", [value], {}, where)
        self.block._nodes.append(node)
        for each, part in zip(target, value._type.parts):
            out = Value(str(self.next), part, node)
            self.next += 1
            node._outputs.append(out)
            self._bind(each, out, where)

    def do_SetAttr(self, s):
        self.emit("prim::SetAttr", [self.of(s.obj), self.of(s.value)], None, {"name": quoted(s.name)}, s.where)

    def do_Do(self, s):
        self.of(s.value)

    def do_Print(self, s):
        self.emit("prim::Print", [self.of(a) for a in s.args], where=s.where)

    def do_Return(self, s):
        self.emit("prim::ReturnStmt", [self.of(s.value)], where=s.where)

    def do_Break(self, s):
        self.emit("prim::BreakStmt", [], where=s.where)

    def do_Continue(self, s):
        self.emit("prim::ContinueStmt", [], where=s.where)

    def do_Raise(self, s):
        cls = [self.of(ir.const(s.cls))] if s.cls else [self.of(ir.none())]
        self.emit("prim::RaiseException", [self.of(s.message), *cls], where=s.where)

    def do_Assert(self, s):
        message = s.message or ir.const("")
        self.do_If(ir.If(s.test, [], [ir.Raise(message, None, where=s.where)], where=s.where))

    def do_With(self, s):
        context = self.of(s.context)
        entered = self.emit("prim::Enter", [context], T.NONE, where=s.where)
        if s.target:
            self.env[s.target] = entered
        self.body(s.body)
        self.emit("prim::Exit", [context], T.TENSOR, where=s.where)

    def _in_block(self, statements, node, env):
        block, before, outer = Block(), self.block, self.env
        node._blocks.append(block)
        self.block, self.env = block, env
        self.body(statements)
        made = self.env
        self.block, self.env = before, outer
        return block, made

    def do_If(self, s):
        test = self.of(s.test)
        node = Node("prim::If", [test], {}, s.where)
        self.block._nodes.append(node)
        yes, yes_env = self._in_block(s.yes, node, dict(self.env))
        no, no_env = self._in_block(s.no, node, dict(self.env))
        for name in dict.fromkeys((*yes_env, *no_env)):
            a, b = yes_env.get(name), no_env.get(name)
            if a is b or a is None or b is None:
                if a is not b and name not in self.env:
                    self.env[name] = a or b
                continue
            joined = T.unify(a._type, b._type) or a._type
            yes._outputs.append(a)
            no._outputs.append(b)
            out = self._named(name, joined, node)
            node._outputs.append(out)
            self.env[name] = out

    def do_While(self, s):
        trips = self.of(ir.const(MAX_TRIPS))
        self._loop(s, [trips, self.of(s.test)], s.test, lambda count: None, s.body)

    def do_For(self, s):
        length, pick = self._over(s.loop.over)
        true = self.of(ir.const(True))
        self._loop(s, [length, true], None, lambda count: self._bind(s.loop.target, pick(count), s.where), s.body)

    def _over(self, over):
        """The number of turns, and what a turn's number gives."""
        if isinstance(over, ir.Range):
            args = [self.of(a) for a in over.args]
            if len(args) == 1:
                return args[0], lambda count: count
            step = args[2] if len(args) > 2 else self.of(ir.const(1))
            length = self.emit("aten::__range_length", [args[0], args[1], step], T.INT, where=over.where)
            return length, lambda count: self.emit("aten::__derive_index", [count, args[0], step], T.INT)
        if isinstance(over, ir.Each):
            value = self.of(over.value)
            t = value._type
            if isinstance(t, T.DictType):
                value = self.emit("aten::keys", [value], T.ListType(t.keys))
            item = value._type.elem if isinstance(value._type, T.ListType) else value._type
            return self.emit("aten::len", [value], T.INT), lambda count: self.emit(
                "aten::__getitem__", [value, count], item
            )
        if isinstance(over, ir.Enumerate):
            length, pick = self._over(over.inner)
            start = self.of(over.start)
            return length, lambda count: self._tuple([self.emit("aten::add", [count, start], T.INT), pick(count)])
        parts = [self._over(i) for i in over.inners]
        lengths = self.emit("prim::ListConstruct", [p[0] for p in parts], T.ListType(T.INT))
        return self.emit("prim::min", [lengths], T.INT), lambda count: self._tuple([p[1](count) for p in parts])

    def _tuple(self, values):
        return self.emit("prim::TupleConstruct", values, T.TupleType(*(v._type for v in values)))

    def _loop(self, s, inputs, test, bind, statements):
        names = _assigned(statements)
        carried = [n for n in self.env if n in names]
        node = Node("prim::Loop", [*inputs, *(self.env[n] for n in carried)], {}, s.where)
        self.block._nodes.append(node)
        block, before, outer = Block(), self.block, self.env
        node._blocks.append(block)
        self.block, self.env = block, dict(outer)
        count = Value(str(self.next), T.INT)
        self.next += 1
        block._inputs.append(count)
        for name in carried:
            self.env[name] = self._named(name, outer[name]._type, None)
            block._inputs.append(self.env[name])
        bind(count)
        self.body(statements)
        go_on = self.of(test) if test is not None else self.of(ir.const(True))
        block._outputs = [go_on, *(self.env[n] for n in carried)]
        self.block, self.env = before, outer
        for name in carried:
            out = self._named(name, outer[name]._type, node)
            node._outputs.append(out)
            self.env[name] = out

    # expressions

    def of(self, e):
        return getattr(self, "of_" + type(e).__name__)(e)

    def of_Const(self, e):
        attributes = {} if e.value is None else {"value": _shown(e.value)}
        return self.emit("prim::Constant", [], e.type, attributes, e.where)

    def of_Var(self, e):
        return self.env.get(e.name) or Value(e.name, e.type)

    def of_GetAttr(self, e):
        return self.emit(
            "prim::GetAttr",
            [self.of(e.obj)],
            e.type,
            {"name": quoted(e.name)},
            e.where,
            name=e.name if e.name.isidentifier() else None,
        )

    def of_OpCall(self, e):
        inputs = []
        for a, formal in zip(e.args, e.schema.arguments):
            inputs.append(self.of(a) if a is not None else self._default(formal))
        inputs += [self.of(a) for a in e.extra]
        return self.emit(e.schema.name, inputs, e.type, None, e.where, e.schema)

    def _default(self, formal):
        if isinstance(formal.default, list):
            return self.emit("prim::ListConstruct", [self.of(ir.const(v)) for v in formal.default], formal.type)
        return self.of(ir.const(formal.default))

    def of_Call(self, e):
        constant = self.emit("prim::Constant", [], T.Type("Function"), {"name": quoted(e.function.name)}, e.where)
        return self.emit("prim::CallFunction", [constant, *(self.of(a) for a in e.args)], e.type, None, e.where)

    def of_CallMethod(self, e):
        return self._method(e.obj, e.function.name, e)

    def of_CallInterface(self, e):
        return self._method(e.obj, e.name, e)

    def _method(self, obj, name, e):
        return self.emit(
            "prim::CallMethod", [self.of(obj), *(self.of(a) for a in e.args)], e.type, {"name": quoted(name)}, e.where
        )

    def of_CallPython(self, e):
        return self.emit(f"^{e.name}", [self.of(a) for a in e.args], e.type, None, e.where)

    def of_New(self, e):
        made = self.emit("prim::CreateObject", [], e.type, None, e.where)
        if e.args is not None:
            self.emit(
                "prim::CallMethod", [made, *(self.of(a) for a in e.args)], T.NONE, {"name": '"__init__"'}, e.where
            )
        return made

    def _made(self, kind, items, e):
        return self.emit(kind, [self.of(i) for i in items], e.type, None, e.where)

    def of_MakeTuple(self, e):
        return self._made("prim::TupleConstruct", e.items, e)

    def of_MakeList(self, e):
        return self._made("prim::ListConstruct", e.items, e)

    def of_MakeDict(self, e):
        return self._made("prim::DictConstruct", [x for pair in zip(e.keys, e.values) for x in pair], e)

    def of_TupleItem(self, e):
        return self._made("prim::TupleIndex", [e.obj, ir.const(e.index)], e)

    def of_Choose(self, e):
        name = "if_result"
        self.do_If(ir.If(e.test, [ir.Assign(name, e.yes, None)], [ir.Assign(name, e.no, None)], where=e.where))
        return self.env.pop(name)

    def of_Logic(self, e):
        yes, no = (e.right, ir.const(False)) if e.op == "and" else (ir.const(True), e.right)
        return self.of_Choose(ir.Choose(e.left, yes, no, where=e.where, type=T.BOOL))

    def of_IsNone(self, e):
        return self._made("aten::__isnot__" if e.negated else "aten::__is__", [e.obj, ir.none()], e)

    def of_IsInstance(self, e):
        types = f"[{', '.join(t.short() for t in e.types)}]"
        return self.emit("prim::isinstance", [self.of(e.obj)], T.BOOL, {"types": types}, e.where)

    def of_Cast(self, e):
        return self._made("prim::unchecked_cast", [e.value], e)

    def of_Uninitialized(self, e):
        return self._made("prim::Uninitialized", [], e)

    def of_ListComp(self, e):
        out = self.emit("prim::ListConstruct", [], e.type)
        return self._comprehension(e, out, lambda: self.emit("aten::append", [out, self.of(e.item)], e.type))

    def of_DictComp(self, e):
        out = self.emit("prim::DictConstruct", [], e.type)
        return self._comprehension(
            e, out, lambda: self.emit("aten::_set_item", [out, self.of(e.key), self.of(e.value)])
        )

    def _comprehension(self, e, out, add):
        length, pick = self._over(e.loop.over)
        true = self.of(ir.const(True))

        def turn(count):
            self._bind(e.loop.target, pick(count), e.where)
            add()

        before = dict(self.env)
        self._loop(e, [length, true], None, turn, [])
        self.env = before
        return out

    def of_ToList(self, e):
        return self._made("prim::tolist", [e.obj], e)

    def of_Fork(self, e):
        return self._made("prim::fork", e.call.args, e)


def _assigned(statements):
    """The variables that statements assign."""
    out = set()
    for node in ir.walk(statements):
        targets = (
            [node.target] if isinstance(node, ir.Assign) else [node.loop.target] if isinstance(node, ir.For) else []
        )
        while targets:
            target = targets.pop()
            if isinstance(target, str):
                out.add(target)
            else:
                targets += target
    return out


def _shown(value):
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, (int, float, complex)):
        return number(value)
    if isinstance(value, str):
        return quoted(value)
    return str(value).replace("\n", " ")
