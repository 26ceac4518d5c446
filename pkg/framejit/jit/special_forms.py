"""Calls that have rules of their own: what Python's builtins and jit's own names mean in scripted code."""

import ast

from . import ir, matching
from . import types as T
from .errors import fail
from .scope import Facts
from .values import Items, Iteration, Special, Sugar, SuperValue

# builtin -> operator
_PLAIN = {
    "abs": "prim::abs", "round": "aten::round", "sum": "aten::sum", "all": "aten::all", "any": "aten::any", "ord": "aten::ord",
    "chr": "aten::chr", "hex": "aten::hex", "oct": "aten::oct", "bin": "aten::bin", "divmod": "aten::divmod",
    "hash": "aten::hash", "str": "aten::str", "id": "prim::id", "sorted": "aten::sorted", "pow": "aten::pow",
}  # fmt: skip
_NUMBERS = {
    "int": ("aten::Int", T.INT),
    "float": ("aten::Float", T.FLOAT),
    "bool": ("aten::Bool", T.BOOL),
    "complex": ("aten::Complex", T.COMPLEX),
}


class SpecialForms:
    """`form_NAME(node, where)` for each."""

    def plain_form(self, name, node, where):
        """A builtin that is an operator."""
        args, kwargs = self.arguments(node)
        args = [self.as_value(a, where) for a in args]
        kwargs = {k: self.as_value(a, where) for k, a in kwargs.items()}
        if name in _NUMBERS:
            return self._number(name, args, where)
        if name == "str" and args and hasattr(args[0].type, "find_method"):
            return self.call_method(args[0], "__str__", [], {}, where)
        if name in ("sum", "all", "any") and len(args) == 1 and isinstance(args[0], ir.MakeTuple):
            args = [self.make_list(args[0].items, None, where)]
        return self.op(_PLAIN[name], args, where, kwargs)

    def _number(self, name, args, where):
        op, t = _NUMBERS[name]
        if not args:
            return ir.const(t.name and {"int": 0, "float": 0.0, "bool": False, "complex": 0j}[name], where)
        if len(args) == 1 and args[0].type == t:
            return args[0]
        if len(args) == 1 and isinstance(args[0], ir.Const) and isinstance(args[0].value, (int, float, str)):
            try:
                return ir.const(
                    {"int": int, "float": float, "bool": bool, "complex": complex}[name](args[0].value), where
                )
            except (ValueError, OverflowError) as error:
                fail(where, str(error))
        if len(args) == 1 and hasattr(args[0].type, "find_method"):
            return self.call_method(args[0], f"__{name}__", [], {}, where)
        return self.op(op, args, where)

    def form_print(self, node, where):
        args, _ = self.arguments(node)
        return [ir.Print([self.as_value(a, where) for a in args], where=where)]

    def form_len(self, node, where):
        value = self.sugared(node.args[0]) if len(node.args) == 1 else fail(where, "len() takes exactly one argument")
        if isinstance(value, Items):
            return ir.const(len(value.items), where)
        value = self.as_value(value, where)
        if isinstance(value.type, T.TupleType):
            return ir.const(len(value.type.parts), where)
        if hasattr(value.type, "items_of"):
            found = value.type.items_of(value, self, where)
            if found is not None:
                return ir.const(len(found.items), where)
        if hasattr(value.type, "find_method"):
            return self.call_method(value, "__len__", [], {}, where)
        return self.op("aten::len", [value], where)

    def form_range(self, node, where):
        args = [self.convert_to(self.expression(a), T.INT, where, "range expects int arguments") for a in node.args]
        if not 1 <= len(args) <= 3 or node.keywords:
            fail(where, "range expects 1 to 3 arguments")
        return Iteration(ir.Range(args, where=where), T.INT)

    def form_enumerate(self, node, where):
        over = self.iterable(node.args[0])
        start = self.expression(node.args[1]) if len(node.args) > 1 else ir.const(0, where)
        for keyword in node.keywords:
            start = self.expression(keyword.value)
        if isinstance(over, Items):
            first = start.value if isinstance(start, ir.Const) else fail(where, "start must be a constant here")
            return Items([Items([ir.const(i, where), item]) for i, item in enumerate(over.items, first)])
        return Iteration(ir.Enumerate(over.over, start, where=where), T.TupleType(T.INT, over.item_type))

    def form_zip(self, node, where):
        overs = [self.iterable(a) for a in node.args]
        if any(isinstance(o, Items) for o in overs):
            return self._zip_known(node, overs, where)
        return Iteration(ir.Zip([o.over for o in overs], where=where), T.TupleType(*(o.item_type for o in overs)))

    def _zip_known(self, node, overs, where):
        """zip of a module list and others: the items of a list beside it are taken by number."""
        count = min(len(o.items) for o in overs if isinstance(o, Items))
        columns = []
        for over in overs:
            if isinstance(over, Items):
                columns.append(over.items[:count])
                continue
            if isinstance(over.over, ir.Range):
                first = over.over.args
                if len(first) == 1:
                    columns.append([ir.const(i, where) for i in range(count)])
                    continue
            if not isinstance(over.over, ir.Each):
                fail(where, "zip of modules and an iterator that has no items to take by number")
            value = over.over.value
            name = "aten::select" if value.type == T.TENSOR else "aten::__getitem__"
            more = [ir.const(0, where)] if value.type == T.TENSOR else []
            columns.append([self.op(name, [value, *more, ir.const(i, where)], where) for i in range(count)])
        return Items([Items(list(row)) for row in zip(*columns)])

    def form_reversed(self, node, where):
        over = self.sugared(node.args[0])
        if isinstance(over, Items):
            return Items(over.items[::-1])
        value = self.as_value(over, where)
        if isinstance(value.type, T.TupleType):
            return Items(self._tuple_items(value, where)[::-1])
        return self.op("aten::slice", [value, ir.none(where), ir.none(where), ir.const(-1, where)], where)

    def form_list(self, node, where):
        if not node.args:
            return ir.MakeList([], where=where, type=T.ListType(T.TENSOR))
        over = self.iterable(node.args[0])
        if isinstance(over, Items):
            if any(isinstance(i, Sugar) and not isinstance(i, Items) for i in over.items):
                return over
            return self.make_list([self.as_value(i, where) for i in over.items], None, where)
        if isinstance(over.over, ir.Each) and isinstance(over.over.value.type, T.ListType):
            return self.op("aten::list", [over.over.value], where)
        name = self.temporary()
        target, item = name, ir.Var(name, where=where, type=over.item_type)
        return ir.ListComp(item, ir.Loop(target, over.over, where=where), where=where, type=T.ListType(over.item_type))

    def form_tuple(self, node, where):
        value = self.sugared(node.args[0]) if node.args else ir.MakeTuple([], where=where, type=T.TupleType())
        if isinstance(value, Items):
            return value
        value = self.as_value(value, where)
        if isinstance(value.type, T.TupleType):
            return value
        if isinstance(value, ir.MakeList):
            return ir.MakeTuple(value.items, where=where, type=T.TupleType(*(i.type for i in value.items)))
        fail(where, f"tuple() of a {value.type}: its length is not known")

    def form_dict(self, node, where):
        if node.keywords or len(node.args) > 1:
            fail(where, "dict() takes one argument here")
        if not node.args:
            return ir.MakeDict([], [], where=where, type=T.DictType(T.STR, T.TENSOR))
        return self.op("aten::dict", [self.expression(node.args[0])], where)

    def _extreme(self, name, node, where):
        args = [self.expression(a) for a in node.args]
        if len(args) == 1 and isinstance(args[0].type, T.TupleType):
            args = self._tuple_items(args[0], where)
        if len(args) == 1:
            return self.op(f"prim::{name}", args, where)
        out = args[0]
        for arg in args[1:]:
            out = self.op(f"aten::{name}" if T.TENSOR in (out.type, arg.type) else f"prim::{name}", [out, arg], where)
        return out

    def form_min(self, node, where):
        return self._extreme("min", node, where)

    def form_max(self, node, where):
        return self._extreme("max", node, where)

    def form_super(self, node, where):
        me = self.scope.find(self.function.params[0].name) if self.function.params else None
        if me is None or not hasattr(me.type, "super_value"):
            fail(where, "super() is only possible in a method of a module")
        obj = ir.Var(self.function.params[0].name, where=where, type=me.type)
        return SuperValue(obj, self.function.attributes.get("class"))

    def form_getattr(self, node, where):
        if len(node.args) not in (2, 3) or not isinstance(node.args[1], ast.Constant):
            fail(where, "getattr's second argument must be a string literal")
        obj, name = self.sugared(node.args[0]), node.args[1].value
        found = (
            self.names.attribute_of(obj, name, where, self)
            if isinstance(obj, Sugar)
            else self.value_attribute(obj, name, where)
        )
        if found is None:
            if len(node.args) == 3:
                return self.sugared(node.args[2])
            fail(where, f"'{getattr(obj, 'type', 'module')}' object has no attribute or method '{name}'.")
        return found

    def form_annotate(self, node, where):
        declared = self.names.annotation(node.args[0], self)
        value = self.expression(node.args[1], declared)
        found = matching.convert(value, declared)
        if found is None:
            fail(where, f"expected an expression of type {declared} but found {value.type}")
        if found.type == declared:
            return found
        return ir.Cast("annotate", found, where=where, type=declared)

    def form_unchecked_cast(self, node, where):
        declared = self.names.annotation(node.args[0], self)
        value = self.expression(node.args[1])
        return ir.Cast("unchecked_cast", value, where=where, type=declared)

    def form_uninitialized(self, node, where):
        return ir.Uninitialized(where=where, type=self.names.annotation(node.args[0], self))

    def form_unwrap_optional(self, node, where):
        value = self.expression(node.args[0])
        t = value.type.elem if isinstance(value.type, T.UnionType) else value.type
        return self.op("aten::_unwrap_optional", [value], where) if value.type != t else value

    def form_fork(self, node, where):
        callee = self.sugared(node.args[0])
        args = [self.as_value(self.sugared(a), where) for a in node.args[1:]]
        kwargs = {k.arg: self.expression(k.value) for k in node.keywords}
        call = self.call(callee, args, kwargs, where)
        if not isinstance(call, (ir.Call, ir.CallMethod)):
            fail(where, "fork takes a scripted function or method")
        return ir.Fork(call, where=where, type=T.FutureType(call.type))

    def form_wait(self, node, where):
        return self.op("aten::wait", [self.expression(node.args[0])], where)

    def form_tolist_of(self, node, where):
        fail(where, "tolist() needs a type: use annotate(List[float], x.tolist())")

    def form_new_object(self, node, where):
        t = self.sugared(node.func).type
        return ir.New(t, None, where=where, type=t)

    def form_raise_exception(self, node, where):
        args = [self.expression(a) for a in node.args]
        cls = args[1].value if len(args) > 1 and isinstance(args[1], ir.Const) else None
        return [ir.Raise(args[0], cls, where=where)]

    def form_known_items(self, node, where):
        return Items(self.sugared(node.func).items)

    def form_device(self, node, where):
        args = [self.expression(a) for a in node.args]
        if len(args) == 1 and args[0].type == T.DEVICE:
            return args[0]
        return self.op("aten::device", args, where)

    def condition_call(self, node):
        """(expression, Facts) of a call that the checker decides; None for others."""
        callee = self.sugared(node.func)
        name = callee.name if isinstance(callee, Special) else None
        where = self.where(node)
        if name in ("is_scripting", "is_not_scripting", "is_tracing", "is_compiling"):
            static = name == "is_scripting"
            return ir.const(static, where), Facts(static=static)
        if name == "isinstance":
            return self._isinstance(node, where)
        if name == "hasattr":
            static = self._hasattr(node, where)
            return ir.const(static, where), Facts(static=static)
        if name in ("__is__", "__isnot__"):
            left, right = self.expression(node.args[0]), self.expression(node.args[1])
            if right.type == T.NONE:
                return self.none_test(left, name == "__isnot__", where)
            return self.op(f"aten::{name}", [left, right], where), Facts()
        return None

    def _decided(self, node, where):
        return self.condition_call(node)[0]

    form_is_scripting = form_is_not_scripting = form_is_tracing = form_is_compiling = form_isinstance = form_hasattr = (
        _decided
    )
    form___is__ = form___isnot__ = _decided

    def _hasattr(self, node, where):
        obj = self.sugared(node.args[0])
        if not isinstance(node.args[1], ast.Constant):
            fail(where, "hasattr's second argument must be a string literal")
        name = node.args[1].value
        if isinstance(obj, Sugar):
            return self.names.attribute_of(obj, name, where, self) is not None
        return self.value_attribute(obj, name, where) is not None

    def _isinstance(self, node, where):
        value = self.expression(node.args[0])
        wanted = self.names.types_of(node.args[1], self)
        have = value.type.parts if isinstance(value.type, T.UnionType) else [value.type]
        if value.type in (T.ANY, T.NUMBER):
            test = ir.IsInstance(value, wanted, where=where, type=T.BOOL)
            facts = (
                Facts({value.name: T.union(wanted)}, {})
                if isinstance(value, ir.Var) and value.type is T.ANY and wanted
                else Facts()
            )
            return test, facts
        inside = [t for t in have if any(_is_a(t, w) for w in wanted)]
        outside = [t for t in have if t not in inside]
        if not outside or not inside:
            static = not outside
            return ir.const(static, where), Facts(static=static)
        facts = (
            Facts({value.name: T.union(inside)}, {value.name: T.union(outside)})
            if isinstance(value, ir.Var)
            else Facts()
        )
        return ir.IsInstance(value, wanted, where=where, type=T.BOOL), facts


def _is_a(t, wanted):
    if wanted is T.ANY_LIST:
        return isinstance(t, T.ListType)
    if wanted is T.ANY_TUPLE:
        return isinstance(t, T.TupleType)
    return t.is_part_of(wanted)
