// Methods of Tensor that are not rows of the op table: questions about it, and its elements as Python objects.
#include "bind/create.h"
#include "bind/op_call.h"
#include "bind/overrides.h"
#include "bind/read.h"
#include "bind/storage_type.h"
#include "bind/tensor_type.h"
#include "ops/rules.h"
#include "tensor/autograd.h"
#include "tensor/meta_device.h"
#include "tensor/python_dispatch.h"

namespace fj::bind {
namespace {

const TensorMeta& meta_of(PyObject* o) { return as_tensor(o)->meta; }

PyObject* dim(PyObject* o, PyObject*) { return PyLong_FromLongLong(meta_of(o).dim()); }
PyObject* numel(PyObject* o, PyObject*) { return PyLong_FromLongLong(meta_of(o).numel()); }
PyObject* element_size(PyObject* o, PyObject*) { return PyLong_FromLong(size_of(meta_of(o).dtype)); }
PyObject* storage_offset(PyObject* o, PyObject*) { return PyLong_FromLongLong(meta_of(o).offset); }
PyObject* is_floating_point(PyObject* o, PyObject*) { return PyBool_FromLong(is_float(meta_of(o).dtype)); }
PyObject* is_complex_tensor(PyObject* o, PyObject*) { return PyBool_FromLong(is_complex(meta_of(o).dtype)); }
PyObject* always_false(PyObject*, PyObject*) { Py_RETURN_FALSE; }
// complex(t)
PyObject* to_complex(PyObject* o, PyObject*) {
  return py::guarded<PyObject*>(nullptr, [&] {
    Arg n = read_item(as_tensor(o), "complex");
    return PyComplex_FromDoubles(n.real(), n.imag());
  });
}
PyObject* is_signed(PyObject* o, PyObject*) {
  return PyBool_FromLong(meta_of(o).dtype != DType::Bool && !is_unsigned(meta_of(o).dtype));
}
PyObject* get_device(PyObject* o, PyObject*) { return PyLong_FromLong(meta_of(o).device.index); }
PyObject* is_pinned(PyObject*, PyObject*) { Py_RETURN_FALSE; }

PyObject* one_of(PyObject* args, PyObject* kwargs, const Shape& values, const char* format,
                 PyObject* (*all)(const Shape&)) {
  static const char* names[] = {"dim", nullptr};
  PyObject* d = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, format, const_cast<char**>(names), &d)) return nullptr;
  if (d == Py_None) return all(values);
  return py::guarded<PyObject*>(nullptr, [&] {
    int64_t i = 0;
    if (!as_int64(d, &i)) throw py::PythonError();
    FJ_USER_CHECK(!values.empty(), ErrorKind::Index, "Dimension specified as ", i, " but tensor has no dimensions");
    return PyLong_FromLongLong(values[wrap_dim(i, static_cast<int64_t>(values.size()))]);
  });
}
PyObject* size(PyObject* o, PyObject* args, PyObject* kwargs) {
  return one_of(args, kwargs, meta_of(o).sizes, "|O:size", new_size);
}
PyObject* stride(PyObject* o, PyObject* args, PyObject* kwargs) {
  return one_of(args, kwargs, meta_of(o).strides, "|O:stride", new_int_tuple);
}

PyObject* is_contiguous(PyObject* o, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"memory_format", nullptr};
  PyObject* format = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:is_contiguous", const_cast<char**>(names), &format))
    return nullptr;
  MemoryFormat f = MemoryFormat::Contiguous;
  if (format && !as_memory_format(format, &f)) {
    PyErr_Format(PyExc_TypeError, "is_contiguous(): argument 'memory_format' must be framejit.memory_format, not %s",
                 Py_TYPE(format)->tp_name);
    return nullptr;
  }
  const TensorMeta& m = meta_of(o);
  if (!is_channels_last(f)) return PyBool_FromLong(m.is_contiguous());
  const int64_t rank = rank_of(f);
  if (m.dim() != rank) Py_RETURN_FALSE;
  TensorMeta turned = m;  // channels behind
  for (int64_t d = 1; d < rank; ++d) {
    turned.sizes[d] = m.sizes[d + 1 < rank ? d + 1 : 1];
    turned.strides[d] = m.strides[d + 1 < rank ? d + 1 : 1];
  }
  return PyBool_FromLong(turned.is_contiguous());
}

PyObject* data_ptr(PyObject* o, PyObject*) {
  return py::guarded<PyObject*>(nullptr, [&] {
    TensorObj* t = check_data(as_tensor(o), "data_ptr");
    return PyLong_FromVoidPtr(t->meta.numel() ? data_of(t) : nullptr);
  });
}
PyObject* item(PyObject* o, PyObject*) {
  return py::guarded<PyObject*>(nullptr, [&] { return item_object(as_tensor(o), "item"); });
}
PyObject* tolist(PyObject* o, PyObject*) {
  return py::guarded<PyObject*>(nullptr, [&] { return to_list(as_tensor(o)); });
}
PyObject* untyped_storage(PyObject* o, PyObject*) {
  return py::guarded<PyObject*>(nullptr,
                                [&] { return new_storage_object(check_data(as_tensor(o), "untyped_storage")); });
}

PyObject* is_same_size(PyObject* o, PyObject* other) {
  if (!is_tensor(other))
    return PyErr_Format(PyExc_TypeError, "is_same_size(): argument 'other' must be Tensor, not %s",
                        Py_TYPE(other)->tp_name);
  return PyBool_FromLong(meta_of(o).sizes == meta_of(other).sizes);
}
// Do both show the same elements of the same memory?
PyObject* is_set_to(PyObject* o, PyObject* other) {
  if (!is_tensor(other))
    return PyErr_Format(PyExc_TypeError, "is_set_to(): argument 'tensor' must be Tensor, not %s",
                        Py_TYPE(other)->tp_name);
  const TensorMeta &a = meta_of(o), &b = meta_of(other);
  return PyBool_FromLong(as_tensor(o)->storage == as_tensor(other)->storage && a.offset == b.offset &&
                         a.sizes == b.sizes && a.strides == b.strides);
}

PyObject* make_subclass(PyObject*, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"cls", "data", "require_grad", nullptr};
  PyObject *cls, *data;
  int grad = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|p:_make_subclass", const_cast<char**>(names), &cls, &data, &grad))
    return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    FJ_USER_CHECK(PyType_Check(cls) && PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(cls), tensor_type),
                  ErrorKind::Type, "cls must be a subclass of Tensor");
    FJ_USER_CHECK(is_tensor(data), ErrorKind::Type, "data must be a Tensor, not ", Py_TYPE(data)->tp_name);
    TensorObj* from = as_tensor(data);
    if (meta_device::is_traced(from)) raise(ErrorKind::Unsupported, "a subclass instance of a traced tensor");
    begin_overrides(reinterpret_cast<PyTypeObject*>(cls));
    TensorRef out = new_tensor_of(reinterpret_cast<PyTypeObject*>(cls), from->meta, StorageRef::borrow(from->storage));
    meta_device::settle(out.get());
    python_dispatch::settle(out.get(), true);
    out->meta.requires_grad = false;
    if (grad) require_grad(out.get());
    return wrap(std::move(out));
  });
}

PyObject* same(PyObject* o, PyObject*) { return Py_NewRef(o); }
PyObject* as_subclass(PyObject* o, PyObject* cls) {
  return py::guarded<PyObject*>(nullptr, [&] {
    FJ_USER_CHECK(PyType_Check(cls) && PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(cls), tensor_type),
                  ErrorKind::Type, "as_subclass(): argument 'cls' must be a subclass of Tensor");
    return wrap(to_subclass(TensorRef::borrow(as_tensor(o)), reinterpret_cast<PyTypeObject*>(cls)));
  });
}
// set_(source): becomes another view of the same storage as `source`.
PyObject* set(PyObject* o, PyObject* source) {
  return py::guarded<PyObject*>(nullptr, [&] {
    FJ_USER_CHECK(is_tensor(source), ErrorKind::Type, "set_(): argument 'source' (position 1) must be Tensor, not ",
                  Py_TYPE(source)->tp_name);
    TensorObj *t = as_tensor(o), *from = as_tensor(source);
    if (meta_device::is_traced(t) || meta_device::is_traced(from))
      raise(ErrorKind::Unsupported, "set_ of a traced tensor");
    FJ_USER_CHECK(t->meta.dtype == from->meta.dtype, ErrorKind::Runtime, "Could not set tensor of type ",
                  name_of(from->meta.dtype), " to a tensor of type ", name_of(t->meta.dtype));
    if (t->meta.requires_grad && thread_state().grad_mode) tape::check_inplace(t, true);
    look_at(t, from);
    bump_version(t);
    return Py_NewRef(o);
  });
}

PyCFunction keywords(PyCFunctionWithKeywords f) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}

}  // namespace

PyMethodDef kTensorMethods[] = {
    {"dim", dim, METH_NOARGS, R"doc(The number of dimensions.

>>> import framejit
>>> framejit.ones(2, 3).dim()
2
)doc"},
    {"ndimension", dim, METH_NOARGS, R"doc(The number of dimensions.

>>> import framejit
>>> framejit.ones(2, 3).ndimension()
2
)doc"},
    {"numel", numel, METH_NOARGS, R"doc(The number of elements.

>>> import framejit
>>> framejit.ones(2, 3).numel()
6
)doc"},
    {"nelement", numel, METH_NOARGS, R"doc(The number of elements.

>>> import framejit
>>> framejit.ones(2, 3).nelement()
6
)doc"},
    {"element_size", element_size, METH_NOARGS, R"doc(Bytes an element.

>>> import framejit
>>> framejit.ones(2).element_size()
4
)doc"},
    {"storage_offset", storage_offset, METH_NOARGS, R"doc(Offset of the first element in the storage, in elements.

>>> import framejit
>>> framejit.arange(4)[1:].storage_offset()
1
)doc"},
    {"is_floating_point", is_floating_point, METH_NOARGS, R"doc(Whether the dtype is a floating one.

>>> import framejit
>>> framejit.ones(1).is_floating_point()
True
)doc"},
    {"is_complex", is_complex_tensor, METH_NOARGS, R"doc(Whether the dtype is a complex one.

>>> import framejit
>>> framejit.tensor(1j).is_complex(), framejit.ones(1).is_complex()
(True, False)
)doc"},
    {"is_signed", is_signed, METH_NOARGS, R"doc(Whether the dtype has negative values.

>>> import framejit
>>> framejit.ones(1).is_signed(), framejit.ones(1).byte().is_signed()
(True, False)
)doc"},
    {"get_device", get_device, METH_NOARGS, R"doc(The device's index, -1 for the CPU.

>>> import framejit
>>> framejit.ones(1).get_device()
-1
)doc"},
    {"is_pinned", is_pinned, METH_NOARGS, R"doc(Always False.

>>> import framejit
>>> framejit.ones(2).is_pinned()
False
)doc"},
    {"size", keywords(size), METH_VARARGS | METH_KEYWORDS, R"doc(The sizes, or the size of one dimension.

dim (int or None). Raises IndexError for a dimension that is not there.

>>> import framejit
>>> framejit.ones(2, 3).size(), framejit.ones(2, 3).size(1)
(framejit.Size([2, 3]), 3)
)doc"},
    {"stride", keywords(stride), METH_VARARGS | METH_KEYWORDS,
     R"doc(The strides in elements, or the stride of one dimension.

dim (int or None). Raises IndexError for a dimension that is not there.

>>> import framejit
>>> framejit.ones(2, 3).stride(), framejit.ones(2, 3).stride(0)
((3, 1), 3)
)doc"},
    {"is_contiguous", keywords(is_contiguous), METH_VARARGS | METH_KEYWORDS,
     R"doc(Whether the elements lie in row-major order without gaps.

memory_format (framejit.memory_format): contiguous. Raises TypeError for other types.

>>> import framejit
>>> framejit.ones(2, 3).is_contiguous(), framejit.ones(2, 3).t().is_contiguous()
(True, False)
)doc"},
    {"data_ptr", data_ptr, METH_NOARGS, R"doc(Address of the first element.

An int.

>>> import framejit
>>> framejit.ones(1).data_ptr() != 0
True
)doc"},
    {"item", item, METH_NOARGS, R"doc(The single element as a Python number.

Raises RuntimeError for a tensor of several elements.

>>> import framejit
>>> framejit.tensor([2.5]).item()
2.5
)doc"},
    {"tolist", tolist, METH_NOARGS, R"doc(The elements as nested lists.

>>> import framejit
>>> framejit.ones(2, 1).tolist()
[[1.0], [1.0]]
)doc"},
    {"untyped_storage", untyped_storage, METH_NOARGS, R"doc(The memory behind the tensor.

>>> import framejit
>>> framejit.ones(2).untyped_storage().nbytes()
8
)doc"},
    {"__complex__", to_complex, METH_NOARGS, "The single element as a Python complex number."},
    {"is_same_size", is_same_size, METH_O, R"doc(Whether the sizes are equal.

other (Tensor). Raises TypeError for other types.

>>> import framejit
>>> framejit.ones(2).is_same_size(framejit.zeros(2))
True
)doc"},
    {"is_set_to", is_set_to, METH_O, R"doc(Whether both are the same view of the same memory.

tensor (Tensor). Raises TypeError for other types.

>>> import framejit
>>> x = framejit.ones(2)
>>> x.is_set_to(x.view(2)), x.is_set_to(x.clone())
(True, False)
)doc"},
    {"share_memory_", same, METH_NOARGS, R"doc(The tensor itself: memory is not shared between processes.

>>> import framejit
>>> framejit.ones(1).share_memory_()
tensor([1.])
)doc"},
    {"is_shared", always_false, METH_NOARGS, R"doc(Always False.

>>> import framejit
>>> framejit.ones(2).is_shared()
False
)doc"},
    {"pin_memory", same, METH_NOARGS, R"doc(The tensor itself.

>>> import framejit
>>> framejit.ones(2).pin_memory()
tensor([1., 1.])
)doc"},
    {"is_conj", always_false, METH_NOARGS, R"doc(Always False: conj() computes at once.

>>> import framejit
>>> framejit.tensor(1j).conj().is_conj()
False
)doc"},
    {"is_neg", always_false, METH_NOARGS, R"doc(Always False.

>>> import framejit
>>> framejit.tensor(1j).imag.is_neg()
False
)doc"},
    {"resolve_conj", same, METH_NOARGS, R"doc(The tensor itself.

>>> import framejit
>>> framejit.tensor(1j).conj().resolve_conj()
tensor(0.-1.j)
)doc"},
    {"resolve_neg", same, METH_NOARGS, R"doc(The tensor itself.

>>> import framejit
>>> framejit.ones(2).resolve_neg()
tensor([1., 1.])
)doc"},
    {"as_subclass", as_subclass, METH_O, R"doc(The same tensor as an instance of a subclass.

cls (type): a subclass of Tensor. Raises TypeError for other types.

>>> import framejit
>>> class Mine(framejit.Tensor):
...     pass
>>> type(framejit.ones(1).as_subclass(Mine)).__name__
'Mine'
)doc"},
    {"set_", set, METH_O, R"doc(Becomes a view of `source`'s memory.

source (Tensor). Raises TypeError for other types.

>>> import framejit
>>> x, y = framejit.zeros(1), framejit.ones(2)
>>> x.set_(y)
tensor([1., 1.])
)doc"},
    {"_make_subclass", keywords(make_subclass), METH_VARARGS | METH_KEYWORDS | METH_STATIC,
     "An instance of a subclass over `data`'s memory."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace fj::bind
