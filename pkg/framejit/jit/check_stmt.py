"""The rules for statements."""

import ast

from . import ir, matching
from . import types as T
from .errors import fail
from .scope import Facts, ends
from .values import Items, Iteration, Sugar, TypeValue

_AUGMENTED = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Mod: "remainder", ast.FloorDiv: "floordiv",
    ast.Pow: "pow", ast.BitAnd: "__and__", ast.BitOr: "__or__", ast.BitXor: "__xor__", ast.LShift: "__lshift__",
    ast.RShift: "__rshift__", ast.MatMult: "matmul",
}  # fmt: skip
_IN_PLACE = {
    "add": "add_", "sub": "sub_", "mul": "mul_", "div": "div_", "remainder": "remainder_", "floordiv": "floor_divide_",
    "pow": "pow_", "__and__": "__iand__", "__or__": "__ior__", "__xor__": "__ixor__", "__lshift__": "__ilshift__",
    "__rshift__": "__irshift__",
}  # fmt: skip


class StatementRules:
    """Statements: each `on_...` gives a list of `ir` statements."""

    def statements(self, nodes):
        out = []
        for node in nodes:
            out.extend(self.statement(node))
            if ends(out):
                break  # what follows never runs
        return out

    def statement(self, node):
        rule = getattr(self, "on_" + type(node).__name__, None)
        if rule is None:
            self.unsupported(node)
        out = rule(node) or []
        if self.pending:
            out, self.pending = [*self.pending, *out], []
        return out

    def block(self, nodes, facts=()):
        """Statements in a frame of their own; gives them and the frame."""
        self.scope.push()
        for name, t in dict(facts).items():
            self.scope.narrow(name, t)
        body = self.statements(nodes)
        return body, self.scope.pop()

    def on_Pass(self, node):
        return []

    def on_Expr(self, node):
        if isinstance(node.value, ast.Constant):
            return []
        value = self.sugared(node.value)
        if isinstance(value, list):  # a statement in an expression's place: print
            return value
        return [ir.Do(value, where=self.where(node))] if not isinstance(value, Sugar) else []

    def on_Return(self, node):
        where = self.where(node)
        declared = self.function.returns
        if node.value is None:
            value = ir.none(where)
        else:
            value = self.expression(node.value, declared)
        if declared is not None:
            value = self.convert_to(
                value, declared, where,
                f"Return value was annotated as having type {declared} but is actually of type {value.type}",
            )  # fmt: skip
        self.returned.append((value.type, where))
        return [ir.Return(value, where=where)]

    def on_Assign(self, node):
        out = []
        value = self.sugared(node.value, self._hint(node.targets[0]))
        where = self.where(node)
        if len(node.targets) > 1 and not isinstance(value, Sugar) and not ir.is_pure(value):
            name = self.temporary()
            out += self._store_name(name, value, where)
            value = ir.Var(name, where=where, type=value.type)
        for target in node.targets:
            out += self.store(target, value, where)
        return out

    def on_AnnAssign(self, node):
        declared = self.names.annotation(node.annotation, self)
        where = self.where(node)
        if node.value is None:
            if isinstance(node.target, ast.Attribute):
                return []
            self.not_supported(node, "without assigned value")
        value = self.expression(node.value, declared)
        value = self.convert_to(
            value, declared, where,
            f"Variable '{ast.unparse(node.target)}' is annotated with type {declared} but is being assigned to a value of type "
            f"{value.type}",
        )  # fmt: skip
        if isinstance(node.target, ast.Name):
            return self._store_name(node.target.id, value, where, declared)
        return self.store(node.target, value, where, declared)

    def _hint(self, target):
        """The type that a variable has already."""
        if isinstance(target, ast.Name):
            found = self.scope.find_outside(target.id)
            return getattr(found, "type", None)
        if isinstance(target, ast.Attribute):
            obj = self.sugared(target.value)
            if not isinstance(obj, Sugar) and hasattr(obj.type, "attribute_type"):
                return obj.type.attribute_type(target.attr)
        return None

    def store(self, target, value, where, declared=None):
        """value goes to a target."""
        if isinstance(target, ast.Name):
            return self._store_name(target.id, value, where)
        if isinstance(target, (ast.Tuple, ast.List)):
            return self._store_tuple(target, value, where)
        if isinstance(target, ast.Attribute):
            return self._store_attribute(target, value, where, declared)
        if isinstance(target, ast.Subscript):
            return self.store_item(target, value, where)
        if isinstance(target, ast.Starred):
            self.not_supported(target, "starred assignment")
        self.unsupported(target)

    def _store_name(self, name, value, where, annotation=None):
        if isinstance(value, Sugar):
            self.scope.set(name, T.ANY, value)
            return []
        found = self.scope.find_outside(name)
        if found is not None and getattr(found, "sugar", None) is None and hasattr(found, "type"):
            value = matching.convert(value, found.type, False) or value
        self.scope.assign(name, value.type, where, annotation)
        return [ir.Assign(name, value, annotation, where=where)]

    def _store_tuple(self, target, value, where):
        if isinstance(value, Items):
            return self._store_each(target.elts, value.items, where)
        if isinstance(value, Sugar):
            fail(where, f"{value.what} cannot be used as a tuple")
        if isinstance(value.type, T.TupleType):
            parts = value.type.parts
            if any(isinstance(e, ast.Starred) for e in target.elts):
                return self._store_starred(target, value, where)
            if len(parts) != len(target.elts):
                fail(where, f"need {len(target.elts)} values to unpack but found only {len(parts)}"
                     if len(parts) < len(target.elts) else f"too many values to unpack: need {len(target.elts)} but found {len(parts)}")  # fmt: skip
            if all(isinstance(e, ast.Name) for e in target.elts):
                for e, part in zip(target.elts, parts):
                    self.scope.assign(e.id, part, where)
                return [ir.Assign([e.id for e in target.elts], value, None, where=where)]
            out, value = self._in_variable(value, where)
            items = [ir.TupleItem(value, i, where=where, type=p) for i, p in enumerate(parts)]
            return out + self._store_each(target.elts, items, where)
        if isinstance(value.type, T.ListType) or value.type == T.TENSOR:
            out, value = self._in_variable(value, where)
            if value.type == T.TENSOR:
                items = [
                    self.op("aten::select", [value, ir.const(0), ir.const(i)], where) for i in range(len(target.elts))
                ]
            else:
                items = [self.op("aten::__getitem__", [value, ir.const(i)], where) for i in range(len(target.elts))]
            return out + self._store_each(target.elts, items, where)
        fail(where, f"{value.type} cannot be used as a tuple")

    def _store_starred(self, target, value, where):
        parts, elts = value.type.parts, target.elts
        at = next(i for i, e in enumerate(elts) if isinstance(e, ast.Starred))
        after = len(elts) - at - 1
        out, value = self._in_variable(value, where)
        items = [ir.TupleItem(value, i, where=where, type=p) for i, p in enumerate(parts)]
        middle = items[at : len(items) - after]
        starred = ir.MakeTuple(middle, where=where, type=T.TupleType(*(i.type for i in middle)))
        targets = [e.value if isinstance(e, ast.Starred) else e for e in elts]
        return out + self._store_each(targets, [*items[:at], starred, *items[len(items) - after :]], where)

    def _in_variable(self, value, where):
        """Statements that put a value where it can be read again, and how."""
        if ir.is_pure(value):
            return [], value
        name = self.temporary()
        return self._store_name(name, value, where), ir.Var(name, where=where, type=value.type)

    def _store_each(self, targets, items, where):
        if len(targets) != len(items):
            fail(where, f"need {len(targets)} values to unpack but found {len(items)}")
        held, out = [], []
        for item in items:  # all are read before any is written
            if isinstance(item, Sugar) or isinstance(item, ir.Const) or len(targets) == 1:
                held.append(item)
            else:
                name = self.temporary()
                out += self._store_name(name, item, where)
                held.append(ir.Var(name, where=where, type=item.type))
        for target, item in zip(targets, held):
            out += self.store(target, item, where)
        return out

    def _store_attribute(self, target, value, where, declared=None):
        obj = self.expression(target.value)
        if isinstance(value, Sugar):
            fail(where, f"a {value.what} cannot be stored in an attribute")
        found = self.attribute_to_set(obj, target.attr, value, where, declared)
        value = self.convert_to(
            value, found, where,
            f"Wrong type for attribute assignment. Expected {found} but got {value.type}",
        )  # fmt: skip
        return [ir.SetAttr(obj, target.attr, value, where=where)]

    def on_AugAssign(self, node):
        where = self.where(node)
        name = _AUGMENTED.get(type(node.op))
        if name is None:
            self.unsupported(node.op)
        if isinstance(node.target, ast.Subscript):
            return self._augment_item(node, name, where)
        current, value = self.expression(node.target), self.expression(node.value)
        result = self._augmented(name, current, value, where)
        return self.store(node.target, result, where)

    def _augmented(self, name, current, value, where):
        if current.type == T.TENSOR and name in _IN_PLACE:
            return self.op("aten::" + _IN_PLACE[name], [current, value], where)
        if isinstance(current.type, T.ListType) and name == "add":
            return self.op("aten::add_", [current, value], where)
        return self.binary(name, current, value, where)

    def _augment_item(self, node, name, where):
        obj = self.expression(node.target.value)
        out, obj = self._in_variable(obj, where)
        if obj.type == T.TENSOR:
            current = self.index(obj, node.target.slice, where)
            result = self._augmented(name, current, self.expression(node.value), where)
            if self.is_view(current):
                return [*out, ir.Do(result, where=where)]
            return out + self.store_into(obj, node.target.slice, result, where)
        key = self.expression(node.target.slice)
        more, key = self._in_variable(key, where)
        current = self.op("aten::__getitem__", [obj, key], where)
        result = self._augmented(name, current, self.expression(node.value), where)
        return [*out, *more, ir.Do(self.op("aten::_set_item", [obj, key, result], where), where=where)]

    def on_Delete(self, node):
        out = []
        for target in node.targets:
            if isinstance(target, ast.Subscript):
                args = [self.expression(target.value), self.expression(target.slice)]
                out.append(ir.Do(self.op("aten::Delete", args, self.where(node)), where=self.where(node)))
            elif not isinstance(target, ast.Name):
                self.not_supported(target, "del of anything but items and names")
        return out

    def on_If(self, node):
        where = self.where(node)
        test, facts = self.condition(node.test)
        if facts.static is not None:
            for name, t in (facts.yes if facts.static else facts.no).items():
                self.scope.narrow(name, t)
            return self.statements(node.body if facts.static else node.orelse)
        yes, yes_frame = self.block(node.body, facts.yes)
        no, no_frame = self.block(node.orelse, facts.no)
        self.scope.join(yes_frame, no_frame, ends(yes), ends(no), where)
        return [ir.If(test, yes, no, where=where)]

    def on_While(self, node):
        if node.orelse:
            self.not_supported(node, "else branches of while loops aren't supported")
        self.scope.push()
        test, facts = self.condition(node.test)
        if facts.static is False:
            self.scope.pop()
            return []
        for name, t in facts.yes.items():
            self.scope.narrow(name, t)
        self.loops += 1
        body = self.statements(node.body)
        self.loops -= 1
        self._leave_loop(self.scope.pop(), self.where(node))
        return [ir.While(test, body, where=self.where(node))]

    def _leave_loop(self, frame, where):
        """What a loop's body defines is not defined after it; what it changes keeps the type from before."""
        from .scope import Lost

        for name in frame:
            if self.scope.find(name) is None:
                self.scope.frames[-1][name] = Lost(f"{name} is only defined in the body of a loop", where)

    def on_For(self, node):
        if node.orelse:
            self.not_supported(node, "else branches of for loops aren't supported")
        where = self.where(node)
        over = self.iterable(node.iter)
        if isinstance(over, Items):
            return self._unroll(node, over, where)
        self.scope.push()
        loop = ir.Loop(self._loop_target(node.target, over.item_type, where), over.over, where=where)
        self.loops += 1
        body = self.statements(node.body)
        self.loops -= 1
        self._leave_loop(self.scope.pop(), where)
        return [ir.For(loop, body, where=where)]

    def _unroll(self, node, items, where):
        if any(isinstance(n, (ast.Break, ast.Continue)) for each in node.body for n in ast.walk(each)):
            fail(where, "break and continue are not supported in a loop over modules or a tuple, which is unrolled")
        out = []
        for item in items.items:
            if isinstance(item, ir.GetAttr) and item.type != T.TENSOR and ir.is_pure(item):
                self._bind_known(node.target, item, where)  # a module
            else:
                out += self.store(node.target, item, where)
            out += self.statements(node.body)
            if ends(out):
                break
        return out

    def _loop_target(self, target, t, where):
        """Declares a loop's variables: a name or a list of such."""
        if isinstance(target, ast.Name):
            self.scope.assign(target.id, t, where)
            return target.id
        if (
            isinstance(target, (ast.Tuple, ast.List))
            and isinstance(t, T.TupleType)
            and len(t.parts) == len(target.elts)
        ):
            return [self._loop_target(e, p, where) for e, p in zip(target.elts, t.parts)]
        fail(where, f"a value of type {t} cannot be the target of this loop")

    def iterable(self, node):
        """What a loop goes over: an Iteration, or Items that are known."""
        value = self.sugared(node)
        if isinstance(value, (Iteration, Items)):
            return value
        if isinstance(value, TypeValue) and isinstance(value.type, T.EnumType):
            members = list(value.type.python)
            each = [ir.Const(m, where=self.where(node), type=value.type) for m in members]
            return self.each(ir.MakeList(each, where=self.where(node), type=T.ListType(value.type)), node)
        if isinstance(value, Sugar):
            fail(self.where(node), f"'{value.what}' object is not iterable")
        if isinstance(value.type, T.TupleType):
            parts = [ir.TupleItem(value, i, where=value.where, type=p) for i, p in enumerate(value.type.parts)]
            return Items(value.items if isinstance(value, ir.MakeTuple) else parts)
        return self.each(value, node)

    def each(self, value, node):
        """The iteration over a list, dict, str or tensor."""
        t = value.type
        if isinstance(t, T.ListType):
            item = t.elem
        elif isinstance(t, T.DictType):
            item = t.keys
        elif t in (T.STR, T.TENSOR):
            item = t
        elif hasattr(t, "iteration"):
            return t.iteration(value, self, node)
        else:
            fail(self.where(node), f"'{t}' object is not iterable")
        return Iteration(ir.Each(value, where=value.where), item)

    def on_Break(self, node):
        if not self.loops:
            fail(self.where(node), "SyntaxError: 'break' outside loop")
        return [ir.Break(where=self.where(node))]

    def on_Continue(self, node):
        if not self.loops:
            fail(self.where(node), "SyntaxError: 'continue' outside loop")
        return [ir.Continue(where=self.where(node))]

    def on_Raise(self, node):
        where = self.where(node)
        message, cls = self.raised(node)
        return [ir.Raise(message, cls, where=where)]

    def raised(self, node):
        """The message of a `raise` as an expression, and the class's name."""
        exc = node.exc
        if exc is None:
            self.not_supported(node, "raise without an exception")
        if not isinstance(exc, ast.Call):
            return ir.const("", self.where(node)), self.exception_name(exc)
        args = [self.expression(a) for a in exc.args]
        texts = [a if a.type == T.STR else self.op("aten::str", [a], a.where) for a in args]
        message = texts[0] if texts else ir.const("", self.where(node))
        for more in texts[1:]:
            message = self.op(
                "aten::add", [self.op("aten::add", [message, ir.const(", ")], more.where), more], more.where
            )
        return message, self.exception_name(exc.func)

    def exception_name(self, node):
        """`builtins.ValueError` for the class that a node names."""
        return self.names.exception_name(node, self)

    def on_Assert(self, node):
        where = self.where(node)
        test, facts = self.condition(node.test)
        message = None if node.msg is None else self.expression(node.msg)
        if message is not None and message.type != T.STR:
            message = self.op("aten::str", [message], where)
        for name, t in facts.yes.items():
            self.scope.narrow(name, t)
        if facts.static is True:
            return []
        return [ir.Assert(test, message, where=where)]

    def on_With(self, node):
        out, opened = [], []
        for item in node.items:
            context = self.expression(item.context_expr)
            self.enter_type(context, item.context_expr)
            target = None
            if item.optional_vars is not None:
                if not isinstance(item.optional_vars, ast.Name):
                    self.not_supported(item.optional_vars, "with ... as of anything but a name")
                target = item.optional_vars.id
                self.scope.assign(target, self.enter_type(context, item.context_expr), self.where(node))
            opened.append((context, target))
        body = self.statements(node.body)
        for context, target in reversed(opened):
            body = [ir.With(context, target, body, where=self.where(node))]
        return out + body

    def condition(self, node):
        """A condition as a bool expression, and the Facts that follow from it."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            test, facts = self.condition(node.operand)
            if facts.static is not None:
                return ir.const(not facts.static, self.where(node)), facts.negated()
            return self.op("aten::__not__", [test], self.where(node)), facts.negated()
        if isinstance(node, ast.BoolOp):
            return self._logic(node)
        return self.atomic_condition(node)

    def _logic(self, node):
        is_and = isinstance(node.op, ast.And)
        test, facts = self.condition(node.values[0])
        for operand in node.values[1:]:
            if facts.static is (not is_and):  # decided already
                return test, facts
            self.scope.push()
            for name, t in (facts.yes if is_and else facts.no).items():
                self.scope.narrow(name, t)
            right, more = self.condition(operand)
            self.scope.pop()
            if facts.static is not None:  # the left says nothing
                test = right
                facts = Facts({**facts.yes, **more.yes}, {**facts.no, **more.no}, more.static)
            elif more.static is is_and:
                pass  # the right says nothing
            else:
                static = more.static if more.static is (not is_and) else None
                if is_and:
                    facts = Facts({**facts.yes, **more.yes}, {}, static)
                else:
                    facts = Facts({}, {**facts.no, **more.no}, static)
                test = ir.Logic("and" if is_and else "or", test, right, where=self.where(node), type=T.BOOL)
        return test, facts
