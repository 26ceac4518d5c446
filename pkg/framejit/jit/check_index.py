"""The rules for `x[...]`, read and written."""

import ast

from . import ir
from . import types as T
from .errors import fail
from .values import Items, Sugar

_VIEWS = ("aten::select", "aten::slice", "aten::unsqueeze", "aten::alias")


class IndexRules:
    """Indexing."""

    def of_Subscript(self, node):
        where = self.where(node)
        value = self.sugared(node.value)
        if isinstance(value, Items):
            return self._item_of_known(value, node.slice, where)
        if isinstance(value, Sugar):
            found = self.names.subscript(value, node, self)
            if found is None:
                fail(where, f"'{value.what}' object is not subscriptable")
            return found
        return self.index(value, node.slice, where)

    def index(self, value, key, where):
        """value[key]"""
        t = value.type
        if t == T.TENSOR:
            return self.index_tensor(value, key, where)
        if isinstance(t, T.TupleType):
            return self._index_tuple(value, key, where)
        if hasattr(t, "items_of") and t.is_module:
            items = t.items_of(value, self, where)
            if items is not None:
                return self._item_of_known(items, key, where)
        if hasattr(t, "find_method"):
            return self.call_method(value, "__getitem__", [self.expression(key)], {}, where)
        if isinstance(t, T.UnionType):
            fail(where, f"'{t}' object is not subscriptable")
        if isinstance(key, ast.Slice):
            return self._slice(value, key, where)
        return self.op("aten::__getitem__", [value, self.expression(key)], where)

    def _slice(self, value, key, where):
        parts = [ir.none(where) if p is None else self.expression(p) for p in (key.lower, key.upper)]
        step = ir.const(1, where) if key.step is None else self.expression(key.step)
        if value.type == T.STR or isinstance(value.type, T.ListType):
            return self.op("aten::slice", [value, *parts, step], where)
        fail(where, f"'{value.type}' object cannot be sliced")

    def _known_index(self, node, where):
        """An index that must be known."""
        value = self.expression(node)
        if not isinstance(value, ir.Const) or type(value.value) is not int:
            fail(where, "this index must be an integer literal or constant, because the items may have different types")
        return value.value

    def _index_tuple(self, value, key, where):
        parts = value.type.parts
        if isinstance(key, ast.Slice):
            bounds = [None if p is None else self._known_index(p, where) for p in (key.lower, key.upper, key.step)]
            picked = range(len(parts))[slice(*bounds)]
            items = self._tuple_items(value, where)
            return ir.MakeTuple([items[i] for i in picked], where=where, type=T.TupleType(*(parts[i] for i in picked)))
        index = self._dynamic_or_known(key, parts, where)
        if not isinstance(index, int):
            as_list = ir.MakeList(self._tuple_items(value, where), where=where, type=T.ListType(parts[0]))
            return self.op("aten::__getitem__", [as_list, index], where)
        if not -len(parts) <= index < len(parts):
            fail(where, f"Tuple index out of range: the index {index} of a tuple of length {len(parts)}")
        return ir.TupleItem(value, index % len(parts), where=where, type=parts[index])

    def _dynamic_or_known(self, key, parts, where):
        value = self.expression(key)
        if isinstance(value, ir.Const) and type(value.value) is int:
            return value.value
        if parts and len(set(parts)) == 1:
            return value
        fail(where, "tuple index must be a compile time constant, because the items have different types")

    def _item_of_known(self, items, key, where):
        if isinstance(key, ast.Slice):
            bounds = [None if p is None else self._known_index(p, where) for p in (key.lower, key.upper, key.step)]
            return Items(items.items[slice(*bounds)])
        if items.keys is not None:
            value = self.expression(key)
            if not isinstance(value, ir.Const) or value.value not in items.keys:
                fail(where, f"Key Error, {getattr(value, 'value', 'the key')}: the key must be a literal that is there")
            return items.items[items.keys.index(value.value)]
        index = self._known_index(key, where)
        if not -len(items.items) <= index < len(items.items):
            fail(where, f"index {index} is out of range of {len(items.items)} items")
        return items.items[index]

    def index_tensor(self, value, key, where):
        """Select, slice, unsqueeze and index, as PyTorch's checker makes of it."""
        keys = key.elts if isinstance(key, ast.Tuple) else [key]
        dim, picks = 0, []
        consumed = sum(not self._adds_no_dim(k) for k in keys)
        seen_ellipsis = False
        for k in keys:
            if isinstance(k, ast.Constant) and k.value is Ellipsis:
                if seen_ellipsis:
                    fail(where, "an index can only have a single ellipsis ('...')")
                seen_ellipsis = True
                rest = consumed - self._consumed_before(keys, k)
                # what comes after counts from the end
                dim = -rest if rest else dim
                if rest == 0:
                    dim = None
                continue
            value, dim = self._index_one(value, k, dim, picks, keys, where)
        if any(p is not None for p in picks):
            none = ir.none(where)
            items = [none if p is None else p for p in picks]
            indices = ir.MakeList(items, where=where, type=T.ListType(T.optional(T.TENSOR)))
            return self.op("aten::index", [value, indices], where)
        if not keys:
            return self.op("aten::alias", [value], where)
        return value

    def _adds_no_dim(self, key):
        """Whether a key takes no dimension: None, an ellipsis."""
        return isinstance(key, ast.Constant) and (key.value is None or key.value is Ellipsis)

    def _consumed_before(self, keys, ellipsis):
        return sum(not self._adds_no_dim(k) for k in keys[: keys.index(ellipsis)])

    def _index_one(self, value, key, dim, picks, keys, where):
        at = ir.const(-1 if dim is None else dim, where)
        negative = dim is None or dim < 0
        if isinstance(key, ast.Slice):
            bounds = [
                ir.none(where)
                if p is None
                else self.convert_to(self.expression(p), T.INT, where, "slice bounds must be ints")
                for p in (key.lower, key.upper)
            ]
            step = ir.const(1, where) if key.step is None else self.expression(key.step)
            if (
                not all(isinstance(b, ir.Const) and b.value is None for b in bounds)
                or not isinstance(step, ir.Const)
                or step.value != 1
            ):
                value = self.op("aten::slice", [value, at, *bounds, step], where)
            if not negative:
                picks.append(None)
            return value, self._next(dim)
        if isinstance(key, ast.Constant) and key.value is None:
            return self._new_dim(value, dim, picks, where)
        index = self.expression(key)
        if index.type == T.NONE:
            return self._new_dim(value, dim, picks, where)
        if index.type == T.INT:
            value = self.op("aten::select", [value, at, index], where)
            return value, (dim + 1 if negative and dim is not None and dim != -1 else None if negative else dim)
        if isinstance(index.type, T.ListType):
            index = self.op("aten::tensor", [index], where)
        if index.type == T.BOOL:
            index = self.op("aten::tensor", [index], where)
        if index.type != T.TENSOR:
            fail(
                where,
                f"Unsupported operation: indexing tensor with unsupported index type '{index.type}'. Only ints, slices, lists and tensors are supported",
            )
        if negative:
            index_dim = dim if dim is not None else -1
            return self._index_from_the_end(value, index, index_dim, where)
        picks.append(index)
        return value, self._next(dim)

    def _index_from_the_end(self, value, index, dim, where):
        """x[..., index]: the dimensions that the ellipsis stands for are not counted, so the last is indexed alone."""
        if dim != -1:
            fail(where, "a tensor index after an ellipsis must be the last one")
        moved = self.op("aten::movedim", [value, ir.const(-1, where), ir.const(0, where)], where)
        items = ir.MakeList([index], where=where, type=T.ListType(T.optional(T.TENSOR)))
        return self.op(
            "aten::movedim",
            [self.op("aten::index", [moved, items], where), ir.const(0, where), ir.const(-1, where)],
            where,
        ), None

    def _new_dim(self, value, dim, picks, where):
        at = -1 if dim is None else dim if dim >= 0 else dim - 1
        value = self.op("aten::unsqueeze", [value, ir.const(at, where)], where)
        if dim is None or dim < 0:
            return value, dim
        picks.append(None)
        return value, dim + 1

    def _next(self, dim):
        if dim is None or dim >= 0:
            return None if dim is None else dim + 1
        return None if dim == -1 else dim + 1

    def is_view(self, value):
        """Whether an indexing gave a view, which can be written to in place."""
        while isinstance(value, ir.OpCall) and value.schema.name in _VIEWS:
            value = value.args[0]
        return not (isinstance(value, ir.OpCall) and value.schema.name in ("aten::index", "aten::movedim"))

    def store_item(self, target, value, where):
        """target.value[target.slice] = value"""
        obj = self.sugared(target.value)
        obj = self.as_value(obj, where)
        if isinstance(value, Sugar):
            value = self.as_value(value, where)
        if obj.type == T.TENSOR:
            return self.store_into(obj, target.slice, value, where)
        if hasattr(obj.type, "find_method"):
            call = self.call_method(obj, "__setitem__", [self.expression(target.slice), value], {}, where)
            return [ir.Do(call, where=where)]
        if isinstance(obj.type, (T.ListType, T.DictType)):
            return [ir.Do(self.op("aten::_set_item", [obj, self.expression(target.slice), value], where), where=where)]
        fail(where, f"'{obj.type}' object does not support item assignment")

    def store_into(self, obj, key, value, where):
        """obj[key] = value for a tensor."""
        place = self.index_tensor(obj, key, where)
        if isinstance(place, ir.OpCall) and place.schema.name == "aten::index":
            if value.type != T.TENSOR:
                value = self._as_tensor(value, obj, where)
            args = [place.args[0], place.args[1], value]
            return [ir.Do(self.op("aten::index_put_", args, where), where=where)]
        if not self.is_view(place):
            fail(where, "this index cannot be assigned to")
        if value.type != T.TENSOR:
            value = self._as_tensor(value, obj, where)
        return [ir.Do(self.op("aten::copy_", [place, value], where), where=where)]

    def _as_tensor(self, value, like, where):
        dtype, device = self.op("prim::dtype", [like], where), self.op("prim::device", [like], where)
        return self.op("aten::tensor", [value], where, {"dtype": dtype, "device": device})
