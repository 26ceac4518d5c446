// x[...] and x[...] = v: an index is taken apart into view ops, and what remains (tensors) goes to index and
// index_put_.
#include "bind/create.h"
#include "bind/op_call.h"
#include "bind/overrides.h"
#include "bind/tensor_type.h"

namespace fj::bind {
namespace {

Py_ssize_t bounded_length(PyObject* o) {
  if (asked(o)) {
    py::Ref answer = py::Ref::steal(ask_method("__len__", &o, 1));
    return answer ? PyNumber_AsSsize_t(answer.get(), PyExc_OverflowError) : -1;
  }
  const TensorMeta& m = as_tensor(o)->meta;
  if (m.dim() == 0) {
    PyErr_SetString(PyExc_TypeError, "len() of a 0-d tensor");
    return -1;
  }
  return static_cast<Py_ssize_t>(m.sizes[0]);
}

// A lone list counts as a tuple of indices when something in it cannot be an element of an index tensor.
bool acts_as_tuple(PyObject* key) {
  if (!PyList_Check(key)) return false;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(key); ++i) {
    PyObject* item = PyList_GET_ITEM(key, i);
    if (PySlice_Check(item) || item == Py_None || item == Py_Ellipsis || is_tensor(item)) return true;
  }
  return false;
}

// One index, taken apart: the view that basic indices give, and the tensors for the dimensions that are left to index.
struct Indexer {
  TensorRef result;
  SmallVec<Val, 8> tensors;  // per dimension of `result`, null where whole; masks cover several
  bool any_tensor = false;
  SmallVec<TensorRef, 4> keep;  // tensors made here
  int64_t dim = 0;              // next dimension of `result`

  TensorObj* view() { return result.get(); }
  void apply(OpId op, std::initializer_list<Arg> args) { result = call1(op, args); }

  void integer(int64_t i) {
    const TensorMeta& m = view()->meta;
    FJ_USER_CHECK(m.dim() > dim, ErrorKind::Index, "too many indices for tensor of dimension ", m.dim());
    Dim size = m.sizes[dim];
    FJ_USER_CHECK(i >= -size && i < size, ErrorKind::Index, "index ", i, " is out of bounds for dimension ", dim,
                  " with size ", size);
    apply(OpId::select, {Arg(val_of(view())), Arg(dim), Arg(i)});
  }

  void slice(PyObject* s) {
    Py_ssize_t start = 0, stop = 0, step = 0;
    if (PySlice_Unpack(s, &start, &stop, &step) < 0) throw py::PythonError();
    FJ_USER_CHECK(step > 0, ErrorKind::Value, "step must be greater than zero");
    FJ_USER_CHECK(view()->meta.dim() > dim, ErrorKind::Index, "too many indices for tensor of dimension ",
                  view()->meta.dim());
    Py_ssize_t size = static_cast<Py_ssize_t>(view()->meta.sizes[dim]), from = start, to = stop;
    PySlice_AdjustIndices(size, &from, &to, step);
    if (from == 0 && to == size && step == 1) {
      ++dim;
      return;
    }
    apply(OpId::slice,
          {Arg(val_of(view())), Arg(dim), Arg(int64_t{from}), Arg(int64_t{to < from ? from : to}), Arg(int64_t{step})});
    ++dim;
  }

  void record(TensorRef t, int64_t covers) {
    while (static_cast<int64_t>(tensors.size()) < dim) tensors.push_back(Val{});
    tensors.push_back(t.val());
    for (int64_t i = 1; i < covers; ++i) tensors.push_back(Val{});
    keep.push_back(std::move(t));
    any_tensor = true;
    dim += covers;
  }

  void boolean(bool b) {
    apply(OpId::unsqueeze, {Arg(val_of(view())), Arg(dim)});
    TensorRef mask = empty(Shape{1}, DType::Bool);
    store_number(data_of(mask.get()), DType::Bool, Arg(b));
    record(adopted(std::move(mask)), 1);
  }

  void tensor(TensorRef t) {
    DType dtype = t->meta.dtype;
    FJ_USER_CHECK(!is_float(dtype) && !is_foreign(dtype), ErrorKind::Index,
                  "tensors used as indices must be long, int, byte or bool tensors");
    bool mask = dtype == DType::Bool || dtype == DType::U8;
    if (t->meta.dim() == 0 && !mask) {
      if (!is_without_memory(t.get())) return integer(load_number(data_of(t.get()), dtype).as_int());
      FJ_USER_CHECK(view()->meta.dim() > dim, ErrorKind::Index, "too many indices for tensor of dimension ",
                    view()->meta.dim());
      return record(std::move(t), 1);
    }
    if (mask && t->meta.dim() == 0) {
      apply(OpId::unsqueeze, {Arg(val_of(view())), Arg(dim)});
      t = call1(OpId::unsqueeze, {Arg(t.val()), Arg(0)});
    }
    int64_t covers = mask ? t->meta.dim() : 1;
    const TensorMeta& m = view()->meta;
    FJ_USER_CHECK(m.dim() >= dim + covers, ErrorKind::Index, "too many indices for tensor of dimension ", m.dim());
    for (int64_t d = 0; mask && d < covers; ++d)
      FJ_USER_CHECK(t->meta.sizes[d] == m.sizes[dim + d], ErrorKind::Index, "The shape of the mask ", t->meta.sizes,
                    " at index ", d, " does not match the shape of the indexed tensor ", m.sizes, " at index ",
                    dim + d);
    record(std::move(t), covers);
  }

  static int64_t dims_of(PyObject* item) {
    if (item == Py_None || item == Py_Ellipsis || PyBool_Check(item)) return 0;
    if (is_tensor(item)) {
      const TensorMeta& m = as_tensor(item)->meta;
      bool mask = m.dtype == DType::Bool || m.dtype == DType::U8;
      return mask ? m.dim() : 1;
    }
    return 1;
  }

  void item(PyObject* o, int64_t specified) {
    if (o == Py_None) {
      apply(OpId::unsqueeze, {Arg(val_of(view())), Arg(dim)});
      ++dim;
    } else if (o == Py_Ellipsis) {
      dim += view()->meta.dim() - dim - specified;
    } else if (PySlice_Check(o)) {
      slice(o);
    } else if (PyBool_Check(o)) {
      boolean(o == Py_True);
    } else if (is_tensor(o)) {
      tensor(TensorRef::borrow(as_tensor(o)));
    } else if (PyLong_Check(o) || (PyIndex_Check(o) && !PySequence_Check(o))) {
      int64_t i = 0;
      if (!as_int64(o, &i)) throw py::PythonError();
      integer(i);
    } else if (PyList_Check(o) || PyTuple_Check(o) || PyObject_CheckBuffer(o) || PySequence_Check(o)) {
      TensorRef t = tensor_from_data(o, nullptr);
      if (t->meta.numel() == 0 && is_float(t->meta.dtype)) t = empty(t->meta.sizes, DType::I64);
      tensor(adopted(std::move(t)));
    } else {
      raise(ErrorKind::Index,
            "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got ",
            Py_TYPE(o)->tp_name, ")");
    }
  }

  void run(TensorObj* self, PyObject* key) {
    result = TensorRef::borrow(self);
    if (!PyTuple_Check(key) && !acts_as_tuple(key)) {
      int64_t specified = 0;
      return item(key, specified);
    }
    py::Ref items = py::check(PySequence_Fast(key, ""));
    Py_ssize_t n = PySequence_Fast_GET_SIZE(items.get());
    int64_t total = 0, after = 0;
    bool seen = false;
    for (Py_ssize_t i = 0; i < n; ++i) {
      PyObject* o = PySequence_Fast_GET_ITEM(items.get(), i);
      FJ_USER_CHECK(o != Py_Ellipsis || !seen, ErrorKind::Index, "an index can only have a single ellipsis ('...')");
      total += dims_of(o);
      if (seen) after += dims_of(o);
      seen |= o == Py_Ellipsis;
    }
    FJ_USER_CHECK(total <= self->meta.dim(), ErrorKind::Index, "too many indices for tensor of dimension ",
                  self->meta.dim());
    for (Py_ssize_t i = 0; i < n; ++i) item(PySequence_Fast_GET_ITEM(items.get(), i), after);
  }
};

// Masks become one index tensor a dimension, so that index and index_put_ see integers only.
void expand_masks(Indexer& ix) {
  for (size_t d = 0; d < ix.tensors.size(); ++d) {
    if (!ix.tensors[d]) continue;
    TensorObj* t = tensor_of(ix.tensors[d]);
    if (t->meta.dtype != DType::Bool && t->meta.dtype != DType::U8) continue;
    int64_t covers = t->meta.dim();
    TensorRef places = call1(OpId::nonzero, {Arg(val_of(t))});
    for (int64_t k = 0; k < covers; ++k) {
      TensorRef column = call1(OpId::select, {Arg(places.val()), Arg(1), Arg(k)});
      ix.tensors[d + k] = column.val();
      ix.keep.push_back(std::move(column));
    }
  }
}

PyObject* get_item(PyObject* self, PyObject* key) {
  PyObject* both[] = {self, key};
  if (overrides::asked(both, 2)) return ask_method("__getitem__", both, 2);
  return py::guarded<PyObject*>(nullptr, [&] {
    Indexer ix;
    ix.run(as_tensor(self), key);
    if (!ix.any_tensor) {
      if (ix.view() == as_tensor(self)) ix.apply(OpId::alias, {Arg(val_of(as_tensor(self)))});
      return wrap(std::move(ix.result));
    }
    expand_masks(ix);
    return wrap(call1(OpId::index, {Arg(ix.result.val()), Arg::tensors(ix.tensors)}));
  });
}

// The value of an assignment: a tensor as it is, anything else as a tensor of self's dtype (0-d for numbers).
TensorRef value_tensor(TensorObj* self, PyObject* value) {
  if (is_tensor(value)) return TensorRef::borrow(as_tensor(value));
  Arg n;
  if (as_number(value, &n)) return adopted(scalar_tensor(n, self->meta.dtype));
  raise(ErrorKind::Type, "can't assign a ", Py_TYPE(value)->tp_name, " to a framejit.",
        scalar_type_name(self->meta.dtype), "Tensor");
}

// Leading dimensions of size one that the target has not are dropped.
TensorRef without_leading_ones(TensorRef value, int64_t dim) {
  while (value->meta.dim() > dim && value->meta.sizes[0] == 1)
    value = call1(OpId::select, {Arg(value.val()), Arg(0), Arg(0)});
  return value;
}

void assign(TensorObj* self, PyObject* key, PyObject* value) {
  Indexer ix;
  ix.run(self, key);
  Outs outs;
  if (!ix.any_tensor) {
    Arg n;
    if (!is_tensor(value) && as_number(value, &n)) {
      ArgVec args{Arg(ix.result.val()), n};
      return call_op(op_def(OpId::fill_), args, outs);
    }
    TensorRef v = without_leading_ones(value_tensor(self, value), ix.view()->meta.dim());
    ArgVec args{Arg(ix.result.val()), Arg(v.val()), Arg(false)};
    return call_op(op_def(OpId::copy_), args, outs);
  }
  // x[mask] = number needs no positions.
  bool lone_mask = ix.tensors[0] && ix.keep.size() == 1 && tensor_of(ix.tensors[0])->meta.dtype == DType::Bool;
  Arg n;
  if (lone_mask && !is_tensor(value) && as_number(value, &n)) {
    TensorRef mask = TensorRef::borrow(tensor_of(ix.tensors[0]));
    while (mask->meta.dim() < ix.view()->meta.dim())
      mask = call1(OpId::unsqueeze, {Arg(mask.val()), Arg(mask->meta.dim())});
    ArgVec args{Arg(ix.result.val()), Arg(mask.val()), n};
    return call_op(op_def(OpId::masked_fill_), args, outs);
  }
  TensorRef v = value_tensor(self, value);
  if (v->meta.dtype != self->meta.dtype) {
    FJ_USER_CHECK(v->meta.dim() == 0 || !is_tensor(value), ErrorKind::Runtime,
                  "Index put requires the source and destination dtypes match, got ",
                  scalar_type_name(self->meta.dtype), " for the destination and ", scalar_type_name(v->meta.dtype),
                  " for the source.");
    v = call1(OpId::_to_dtype, {Arg(v.val()), Arg(self->meta.dtype)});
  }
  expand_masks(ix);
  ArgVec args{Arg(ix.result.val()), Arg::tensors(ix.tensors), Arg(v.val()), Arg(false)};
  call_op(op_def(OpId::index_put_), args, outs);
}

int set_item(PyObject* self, PyObject* key, PyObject* value) {
  PyObject* all[] = {self, key, value};
  if (overrides::asked(all, value ? 3 : 2)) {
    py::Ref answer = py::Ref::steal(ask_method(value ? "__setitem__" : "__delitem__", all, value ? 3 : 2));
    return answer ? 0 : -1;
  }
  return py::guarded<int>(-1, [&] {
    FJ_USER_CHECK(value, ErrorKind::Type, "Tensor does not support deleting items");
    assign(as_tensor(self), key, value);
    return 0;
  });
}

PyObject* item_at(PyObject* self, Py_ssize_t i) {
  if (asked(self)) {
    py::Ref key = py::Ref::steal(PyLong_FromSsize_t(i));
    return key ? get_item(self, key.get()) : nullptr;
  }
  return py::guarded<PyObject*>(nullptr, [&] {
    Indexer ix;
    ix.result = TensorRef::borrow(as_tensor(self));
    FJ_USER_CHECK(as_tensor(self)->meta.dim() > 0, ErrorKind::Index,
                  "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to "
                  "convert a 0-dim tensor to a number");
    ix.integer(i);
    return wrap(std::move(ix.result));
  });
}

int contains(PyObject* self, PyObject* value) {
  if (asked(self, value)) {
    PyObject* both[] = {self, value};
    py::Ref answer = py::Ref::steal(ask_method("__contains__", both, 2));
    return answer ? PyObject_IsTrue(answer.get()) : -1;
  }
  return py::guarded<int>(-1, [&] {
    FJ_USER_CHECK(is_tensor(value) || PyLong_Check(value) || PyFloat_Check(value), ErrorKind::Runtime,
                  "Tensor.__contains__ only supports Tensor or scalar, but you passed in a ", Py_TYPE(value)->tp_name,
                  ".");
    py::Ref same = py::check(PyObject_RichCompare(self, value, Py_EQ));
    py::Ref any = py::check(PyObject_CallMethod(same.get(), "any", nullptr));
    return PyObject_IsTrue(any.get());
  });
}

PyObject* iterate(PyObject* self) {
  if (asked(self)) {
    py::Ref items = py::Ref::steal(PyObject_CallMethod(self, "unbind", nullptr));
    return items ? PyObject_GetIter(items.get()) : nullptr;
  }
  return py::guarded<PyObject*>(nullptr, [&] {
    FJ_USER_CHECK(as_tensor(self)->meta.dim() > 0, ErrorKind::Type, "iteration over a 0-d tensor");
    Outs outs;
    ArgVec args{Arg(val_of(as_tensor(self))), Arg(0)};
    call_op(op_def(OpId::unbind), args, outs);
    py::Ref items = py::check(to_python(op_def(OpId::unbind), outs));
    return PyObject_GetIter(items.get());
  });
}

}  // namespace

void add_sequence_slots(PyType_Slot*& at) {
  auto slot = [&](int id, auto* f) { *at++ = {id, reinterpret_cast<void*>(f)}; };
  slot(Py_mp_length, bounded_length);
  slot(Py_mp_subscript, get_item);
  slot(Py_mp_ass_subscript, set_item);
  slot(Py_sq_length, bounded_length);
  slot(Py_sq_item, item_at);
  slot(Py_sq_contains, contains);
  slot(Py_tp_iter, iterate);
}

}  // namespace fj::bind
