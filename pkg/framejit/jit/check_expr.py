"""The rules for expressions."""

import ast
import operator

from . import ir, matching
from . import types as T
from .errors import fail
from .scope import Facts
from .values import Items, Iteration, Sugar

_BINARY = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Mod: "remainder", ast.FloorDiv: "floordiv",
    ast.Pow: "pow", ast.BitAnd: "__and__", ast.BitOr: "__or__", ast.BitXor: "__xor__", ast.LShift: "__lshift__",
    ast.RShift: "__rshift__", ast.MatMult: "matmul",
}  # fmt: skip
_COMPARE = {ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge"}
_MIRRORED = {"eq": "eq", "ne": "ne", "lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "add": "add", "mul": "mul",
             "__and__": "__and__", "__or__": "__or__", "__xor__": "__xor__"}  # fmt: skip
_FOLDED = (T.INT, T.FLOAT, T.BOOL, T.STR)
_UNARY = {ast.USub: "aten::neg", ast.Invert: "aten::bitwise_not"}
_NUMBERS = (T.INT, T.FLOAT, T.BOOL, T.COMPLEX, T.NUMBER)
# special methods that user classes may have for operators
_METHODS = {
    "add": "__add__", "sub": "__sub__", "mul": "__mul__", "div": "__truediv__", "remainder": "__mod__", "floordiv": "__floordiv__",
    "pow": "__pow__", "__and__": "__and__", "__or__": "__or__", "__xor__": "__xor__", "__lshift__": "__lshift__",
    "__rshift__": "__rshift__", "matmul": "__matmul__", "eq": "__eq__", "ne": "__ne__", "lt": "__lt__", "le": "__le__", "gt": "__gt__",
    "ge": "__ge__",
}  # fmt: skip


class ExpressionRules:
    """Expressions: `of_...` gives an `ir` expression or a Sugar."""

    def expression(self, node, hint=None):
        """A typed value."""
        value = self.sugared(node, hint)
        return self.as_value(value, self.where(node))

    def as_value(self, value, where):
        """A Sugar as a typed value where it has one."""
        if isinstance(value, Items):
            if value.obj is not None:
                return value.obj
            items = [self.as_value(i, where) for i in value.items]
            return ir.MakeTuple(items, where=where, type=T.TupleType(*(i.type for i in items)))
        if isinstance(value, Iteration):
            fail(where, "an iterator cannot be used as a value; make a list of it")
        if isinstance(value, list):
            fail(where, "print() gives no value")
        if isinstance(value, Sugar):
            fail(where, f"{value.what} cannot be used as a value")
        return value

    def sugared(self, node, hint=None):
        """What an expression stands for."""
        rule = getattr(self, "of_" + type(node).__name__, None)
        if rule is None:
            self.unsupported(node)
        if hint is not None and isinstance(
            node, (ast.List, ast.Dict, ast.Tuple, ast.IfExp, ast.ListComp, ast.DictComp, ast.Call)
        ):
            return rule(node, hint)
        return rule(node)

    def of_Constant(self, node):
        if isinstance(node.value, (bytes, type(Ellipsis))):
            self.not_supported(node, f"{type(node.value).__name__} literals aren't supported")
        return ir.const(node.value, self.where(node))

    def of_Name(self, node):
        where = self.where(node)
        found = self.scope.use(node.id, where)
        if found is not None:
            return found.sugar if found.sugar is not None else ir.Var(node.id, where=where, type=found.type)
        value = self.names.lookup(node.id, where, self)
        if value is None:
            fail(where, f"undefined value {node.id}")
        return value

    def of_Attribute(self, node):
        return self.attribute(self.sugared(node.value), node.attr, self.where(node))

    def of_JoinedStr(self, node):
        text, args = "", []
        for part in node.values:
            if isinstance(part, ast.Constant):
                text += (
                    part.value.replace("{", "{{").replace("}", "}}")
                    if "{" in part.value or "}" in part.value
                    else part.value
                )
                continue
            if part.conversion not in (-1, None):
                self.not_supported(part, "Don't support conversion in JoinedStr")
            if part.format_spec is not None:
                self.not_supported(part, "Don't support formatting in JoinedStr")
            text += "{}"
            args.append(self.expression(part.value))
        where = self.where(node)
        return self.op("aten::format", [ir.const(text, where), *args], where)

    def of_UnaryOp(self, node):
        where = self.where(node)
        if isinstance(node.op, ast.Not):
            test, facts = self.condition(node)
            return test
        value = self.expression(node.operand)
        if isinstance(node.op, ast.UAdd):
            return value
        if isinstance(value, ir.Const) and value.type in (T.INT, T.FLOAT, T.COMPLEX):
            return ir.const(-value.value if isinstance(node.op, ast.USub) else ~value.value, where)
        if hasattr(value.type, "find_method"):
            return self.call_method(value, "__neg__" if isinstance(node.op, ast.USub) else "__invert__", [], {}, where)
        return self.op(_UNARY[type(node.op)], [value], where)

    def of_BinOp(self, node):
        name = _BINARY[type(node.op)]
        left, right = self.expression(node.left), self.expression(node.right)
        return self.binary(name, left, right, self.where(node))

    def binary(self, name, left, right, where):
        """An operator's value."""
        if hasattr(left.type, "find_method") and left.type.find_method(_METHODS[name]):
            return self.call_method(left, _METHODS[name], [right], {}, where)
        if left.type == T.STR and name == "remainder":
            items = right.items if isinstance(right, ir.MakeTuple) else [right]
            return self.op("aten::percentFormat", [left, *items], where)
        if right.type == T.TENSOR and left.type in _NUMBERS and name not in ("pow", "matmul"):
            return self._number_with_tensor(name, left, right, where)
        if left.type == T.TENSOR and name == "floordiv":
            return self.op("aten::floor_divide", [left, right], where)
        if isinstance(left.type, T.TupleType) and isinstance(right.type, T.TupleType):
            return self._tuples(name, left, right, where)
        if name == "mul" and isinstance(right.type, T.ListType):
            left, right = right, left
        return self.op("aten::" + name, [left, right], where)

    def _number_with_tensor(self, name, left, right, where):
        if name in _MIRRORED:
            return self.op("aten::" + _MIRRORED[name], [right, left], where)
        if name == "sub":
            return self.op("aten::rsub", [right, left], where)
        if name == "div":
            return self.op("aten::mul", [self.op("aten::reciprocal", [right], where), left], where)
        full = self.op("aten::full_like", [right, left], where)
        return self.op("aten::floor_divide" if name == "floordiv" else "aten::" + name, [full, right], where)

    def _tuples(self, name, left, right, where):
        a = self._tuple_items(left, where)
        b = self._tuple_items(right, where)
        if name == "add":
            return ir.MakeTuple([*a, *b], where=where, type=T.TupleType(*left.type.parts, *right.type.parts))
        if name in ("eq", "ne"):
            if len(a) != len(b):
                return ir.const(name == "ne", where)
            out = ir.const(True, where)
            for x, y in zip(a, b):
                same = self.binary("eq", x, y, where)
                out = same if isinstance(out, ir.Const) else ir.Logic("and", out, same, where=where, type=T.BOOL)
            return out if name == "eq" else self.op("aten::__not__", [out], where)
        fail(where, f"tuples have no operator {name}")

    def _tuple_items(self, value, where):
        if isinstance(value, ir.MakeTuple):
            return value.items
        if not ir.is_pure(value):
            fail(where, "assign this tuple to a variable first")
        return [ir.TupleItem(value, i, where=where, type=p) for i, p in enumerate(value.type.parts)]

    def of_BoolOp(self, node):
        test, facts = self.condition(node)
        return test

    def of_Compare(self, node):
        test, facts = self.atomic_condition(node)
        return test

    def atomic_condition(self, node):
        """A condition that is neither `not` nor `and` nor `or`."""
        where = self.where(node)
        if isinstance(node, ast.Compare):
            return self._comparison(node, where)
        if isinstance(node, ast.Call):
            found = self.condition_call(node)
            if found is not None:
                return found
        value = self.as_bool(self.expression(node), where)
        return value, Facts(static=value.value if isinstance(value, ir.Const) else None)

    def as_bool(self, value, where):
        """A value as a condition."""
        if value.type == T.BOOL:
            return value
        if isinstance(value, ir.Const) and value.type in (T.INT, T.FLOAT):
            return ir.const(bool(value.value), where)
        if value.type in (T.TENSOR, T.INT, T.FLOAT):
            return self.op("aten::Bool", [value], where)
        if hasattr(value.type, "find_method") and value.type.find_method("__bool__"):
            return self.call_method(value, "__bool__", [], {}, where)
        fail(where, f"Could not cast value of type {value.type} to bool")

    def _comparison(self, node, where):
        if len(node.ops) == 1 and isinstance(node.ops[0], (ast.Is, ast.IsNot)):
            return self._identity(node, where)
        operands = [self.expression(n) for n in (node.left, *node.comparators)]
        out = None
        for op, left, right in zip(node.ops, operands, operands[1:]):
            one = self._compare_two(op, left, right, where)
            out = one if out is None else ir.Logic("and", out, one, where=where, type=T.BOOL)
        static = out.value if isinstance(out, ir.Const) and out.type == T.BOOL else None
        if static is None and out.type != T.BOOL and len(node.ops) > 1:
            out = self.as_bool(out, where)
        return out, Facts(static=static)

    def _compare_two(self, op, left, right, where):
        if isinstance(op, (ast.In, ast.NotIn)):
            if isinstance(right, ir.MakeTuple):
                out = ir.const(False, where)
                for item in right.items:
                    same = self.binary("eq", left, item, where)
                    out = same if isinstance(out, ir.Const) else ir.Logic("or", out, same, where=where, type=T.BOOL)
            elif right.type == T.STR and left.type == T.STR:
                out = self.op("aten::ne", [self.op("aten::find", [right, left], where), ir.const(-1, where)], where)
            elif hasattr(right.type, "find_method"):
                out = self.call_method(right, "__contains__", [left], {}, where)
            else:
                out = self.op("aten::__contains__", [right, left], where)
            return self.op("aten::__not__", [out], where) if isinstance(op, ast.NotIn) else out
        if isinstance(op, (ast.Is, ast.IsNot)):
            name = "__is__" if isinstance(op, ast.Is) else "__isnot__"
            return self.op("aten::" + name, [left, right], where)
        name = _COMPARE[type(op)]
        if (
            isinstance(left, ir.Const)
            and isinstance(right, ir.Const)
            and left.type == right.type
            and left.type in _FOLDED
        ):
            return ir.const(getattr(operator, name)(left.value, right.value), where)
        if isinstance(left.type, T.EnumType) and left.type == right.type and name in ("eq", "ne"):
            return self.op("aten::" + name, [left, right], where)
        return self.binary(name, left, right, where)

    def _identity(self, node, where):
        left, right = self.expression(node.left), self.expression(node.comparators[0])
        negated = isinstance(node.ops[0], ast.IsNot)
        if right.type != T.NONE and left.type == T.NONE:
            left, right = right, left
        if right.type != T.NONE:
            return self._compare_two(node.ops[0], left, right, where), Facts()
        return self.none_test(left, negated, where)

    def none_test(self, value, negated, where):
        """`value is None`, and what follows."""
        t = value.type
        if t == T.NONE or not T.is_optional(t):
            static = (t == T.NONE) is not negated
            return ir.const(static, where), Facts(static=static)
        facts = Facts()
        if isinstance(value, ir.Var) and isinstance(t, T.UnionType):
            facts = Facts({value.name: T.NONE}, {value.name: t.elem})
        test = ir.IsNone(value, negated, where=where, type=T.BOOL)
        return test, facts.negated() if negated else facts

    def of_IfExp(self, node, hint=None):
        where = self.where(node)
        test, facts = self.condition(node.test)
        if facts.static is not None:
            return self.sugared(node.body if facts.static else node.orelse, hint)
        yes = self._in_branch(node.body, facts.yes, hint)
        no = self._in_branch(node.orelse, facts.no, hint)
        joined = T.unify(yes.type, no.type)
        if joined is None and hint is not None:
            joined = T.union((yes.type, no.type))
        if joined is None:
            fail(where, f"if-expression's true branch has type {yes.type} but false branch has type {no.type}")
        return ir.Choose(
            test, matching.convert(yes, joined) or yes, matching.convert(no, joined) or no, where=where, type=joined
        )

    def _in_branch(self, node, facts, hint):
        self.scope.push()
        for name, t in facts.items():
            self.scope.narrow(name, t)
        value = self.expression(node, hint)
        self.scope.pop()
        return value

    def of_Tuple(self, node, hint=None):
        parts = (
            hint.parts
            if isinstance(hint, T.TupleType) and len(hint.parts) == len(node.elts)
            else [None] * len(node.elts)
        )
        items, sugared = [], False
        for element, part in zip(node.elts, parts):
            if isinstance(element, ast.Starred):
                items += self._tuple_items(self.expression(element.value), self.where(element))
                continue
            item = self.sugared(element, part)
            sugared |= isinstance(item, Sugar) and not isinstance(item, Items)
            items.append(item)
        if sugared:
            return Items(items)
        where = self.where(node)
        items = [self.as_value(i, where) for i in items]
        return ir.MakeTuple(items, where=where, type=T.TupleType(*(i.type for i in items)))

    def of_List(self, node, hint=None):
        hint = _part(hint, T.ListType)
        where = self.where(node)
        elem = hint.elem if hint is not None else None
        if any(isinstance(e, ast.Starred) for e in node.elts):
            return self._starred_list(node, elem, where)
        items = [self.expression(e, elem) for e in node.elts]
        return self.make_list(items, elem, where)

    def make_list(self, items, elem, where):
        """A list of values, whose types must agree."""
        if elem is None:
            elem = items[0].type if items else T.TENSOR
            for item in items[1:]:
                joined = T.unify(elem, item.type)
                if joined is None:
                    fail(where, f"Lists must contain only a single type, but found {elem} and {item.type}")
                elem = joined
        out = []
        for item in items:
            out.append(
                self.convert_to(
                    item,
                    elem,
                    where,
                    f"List type annotation `List[{elem}]` did not match the type of an element, {item.type}",
                )
            )
        return ir.MakeList(out, where=where, type=T.ListType(elem))

    def _starred_list(self, node, elem, where):
        out, run = None, []

        def add(part):
            return part if out is None else self.op("aten::add", [out, part], where)

        for e in node.elts:
            if isinstance(e, ast.Starred):
                if run:
                    out, run = add(self.make_list(run, elem, where)), []
                value = self.expression(e.value)
                if isinstance(value.type, T.TupleType):
                    run = self._tuple_items(value, where)
                else:
                    out = add(value)
            else:
                run.append(self.expression(e, elem))
        return add(self.make_list(run, elem, where)) if run else out

    def of_Dict(self, node, hint=None):
        hint = _part(hint, T.DictType)
        where = self.where(node)
        if any(k is None for k in node.keys):
            self.not_supported(node, "** in a dict literal")
        keys = [self.expression(k) for k in node.keys]
        values = [self.expression(v, hint.values if hint else None) for v in node.values]
        if hint is None:
            if not keys:
                hint = T.DictType(T.STR, T.TENSOR)
            else:
                value = values[0].type
                for each in values[1:]:
                    value = T.unify(value, each.type) or fail(
                        where, f"Dict values must contain only a single type, but found {value} and {each.type}"
                    )
                hint = T.DictType(keys[0].type, value)
        out = matching.convert(ir.MakeDict(keys, values, where=where, type=T.DictType(T.ANY, T.ANY)), hint)
        if out is None:
            fail(where, f"Dict keys and values must be of the types of {hint}")
        return out

    def of_ListComp(self, node, hint=None):
        hint = _part(hint, T.ListType)
        where = self.where(node)
        generator = self._generator(node)
        over = self.iterable(generator.iter)
        if isinstance(over, Items):
            return self._unrolled_comp(node, generator, over, hint, where)
        self.scope.push()
        target = self._loop_target(generator.target, over.item_type, where)
        item = self.expression(node.elt, hint.elem if hint else None)
        self.scope.pop()
        if hint is not None:
            item = self.convert_to(
                item,
                hint.elem,
                where,
                f"List type annotation `{hint}` did not match the type of an element, {item.type}",
            )
        loop = ir.Loop(target, over.over, where=where)
        return ir.ListComp(item, loop, where=where, type=hint or T.ListType(item.type))

    def _unrolled_comp(self, node, generator, over, hint, where):
        items = []
        for each in over.items:
            self.scope.push()
            self._bind_known(generator.target, each, where)
            items.append(self.sugared(node.elt, hint.elem if hint else None))
            self.scope.pop()
        if any(isinstance(i, Sugar) for i in items):
            return Items(items)
        return self.make_list(items, hint.elem if hint else None, where)

    def _bind_known(self, target, item, where):
        """A comprehension's variable stands for an expression."""
        if isinstance(target, ast.Name):
            self.scope.set(target.id, T.ANY if isinstance(item, Sugar) else item.type, item)
            return
        parts = item.items if isinstance(item, (Items, ir.MakeTuple)) else self._tuple_items(item, where)
        for each, part in zip(target.elts, parts):
            self._bind_known(each, part, where)

    def _generator(self, node):
        if len(node.generators) > 1:
            self.not_supported(node, "Only a single generator is currently supported")
        if node.generators[0].ifs:
            self.not_supported(node, "Comprehension ifs are not supported yet")
        return node.generators[0]

    def of_DictComp(self, node, hint=None):
        hint = _part(hint, T.DictType)
        where = self.where(node)
        generator = self._generator(node)
        over = self.iterable(generator.iter)
        if isinstance(over, Items):
            fail(where, "a dict comprehension cannot go over modules or a tuple")
        self.scope.push()
        target = self._loop_target(generator.target, over.item_type, where)
        key, value = self.expression(node.key), self.expression(node.value, hint.values if hint else None)
        self.scope.pop()
        loop = ir.Loop(target, over.over, where=where)
        return ir.DictComp(key, value, loop, where=where, type=hint or T.DictType(key.type, value.type))

    def attribute(self, obj, name, where):
        """An attribute of whatever `obj` is."""
        if isinstance(obj, Sugar):
            found = self.names.attribute_of(obj, name, where, self)
        else:
            found = self.value_attribute(obj, name, where)
        if found is None:
            if isinstance(obj, Sugar):
                fail(where, f"object has no attribute {name}")
            fail(where, f"'{obj.type}' object has no attribute or method '{name}'.")
        return found


def _part(hint, kind):
    """The part of a type that is of a kind: `List[int]` of `Optional[List[int]]`."""
    if isinstance(hint, kind):
        return hint
    if isinstance(hint, T.UnionType):
        fitting = [p for p in hint.parts if isinstance(p, kind)]
        return fitting[0] if len(fitting) == 1 else None
    return None
