// Questions about dtypes: promotion, limits, the default; and small questions about any object.
#include <cfloat>
#include <cstdint>
#include <limits>

#include "bind/module.h"
#include "bind/overrides.h"
#include "bind/parse.h"
#include "ops/rules.h"
#include "tensor/layer.h"

namespace fj::bind {
namespace {

DType need_dtype(PyObject* o, const char* function) {
  DType t = DType::F32;
  FJ_USER_CHECK(as_dtype(o, &t), ErrorKind::Type, function, "(): argument must be framejit.dtype, not ",
                Py_TYPE(o)->tp_name);
  return t;
}

PyObject* get_default_dtype(PyObject*, PyObject*) { return Py_NewRef(dtype_object(default_dtype())); }
PyObject* set_default_dtype_function(PyObject*, PyObject* o) {
  return py::guarded<PyObject*>(nullptr, [&] {
    DType t = need_dtype(o, "set_default_dtype");
    FJ_USER_CHECK(is_float(t), ErrorKind::Type, "only floating-point types are supported as the default type");
    set_default_dtype(t);
    return Py_NewRef(Py_None);
  });
}

PyObject* promote_types(PyObject*, PyObject* args) {
  PyObject *a, *b;
  if (!PyArg_ParseTuple(args, "OO:promote_types", &a, &b)) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    return Py_NewRef(dtype_object(promote(need_dtype(a, "promote_types"), need_dtype(b, "promote_types"))));
  });
}
PyObject* can_cast_function(PyObject*, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"from_", "to", nullptr};
  PyObject *a, *b;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO:can_cast", const_cast<char**>(names), &a, &b)) return nullptr;
  return py::guarded<PyObject*>(
      nullptr, [&] { return PyBool_FromLong(can_cast(need_dtype(a, "can_cast"), need_dtype(b, "can_cast"))); });
}
PyObject* result_type_function(PyObject*, PyObject* args) {
  PyObject* operands[2];
  if (!PyArg_ParseTuple(args, "OO:result_type", &operands[0], &operands[1])) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    ArgVec v(2);
    for (int i = 0; i < 2; ++i) {
      if (is_tensor(operands[i]))
        v[i] = Arg(val_of(as_tensor(operands[i])));
      else
        FJ_USER_CHECK(as_number(operands[i], &v[i]), ErrorKind::Type, "result_type(): argument ", i + 1,
                      " must be Tensor or Number, not ", Py_TYPE(operands[i])->tp_name);
    }
    return Py_NewRef(dtype_object(result_type(v)));
  });
}

PyObject* is_tensor_function(PyObject*, PyObject* o) { return PyBool_FromLong(is_tensor(o)); }
TensorObj* need_tensor(PyObject* o, const char* function) {
  if (is_tensor(o)) return as_tensor(o);
  PyErr_Format(PyExc_TypeError, "%s(): argument 'input' (position 1) must be Tensor, not %s", function,
               Py_TYPE(o)->tp_name);
  return nullptr;
}
PyCFunction keywords(PyCFunctionWithKeywords f) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}
// The one argument of a function, by place or as `input`.
PyObject* input_of(PyObject* args, PyObject* kwargs, const char* format) {
  static const char* names[] = {"input", nullptr};
  PyObject* o;
  return PyArg_ParseTupleAndKeywords(args, kwargs, format, const_cast<char**>(names), &o) ? o : nullptr;
}
PyObject* is_floating_point(PyObject*, PyObject* args, PyObject* kwargs) {
  PyObject* o = input_of(args, kwargs, "O:is_floating_point");
  TensorObj* t = o ? need_tensor(o, "is_floating_point") : nullptr;
  return t ? PyBool_FromLong(is_float(t->meta.dtype)) : nullptr;
}
PyObject* is_complex_function(PyObject*, PyObject* args, PyObject* kwargs) {
  PyObject* o = input_of(args, kwargs, "O:is_complex");
  TensorObj* t = o ? need_tensor(o, "is_complex") : nullptr;
  return t ? PyBool_FromLong(is_complex(t->meta.dtype)) : nullptr;
}
PyObject* numel(PyObject*, PyObject* args, PyObject* kwargs) {
  PyObject* o = input_of(args, kwargs, "O:numel");
  TensorObj* t = o ? need_tensor(o, "numel") : nullptr;
  return t ? PyLong_FromLongLong(t->meta.numel()) : nullptr;
}
PyObject* is_nonzero(PyObject*, PyObject* o) {
  if (!need_tensor(o, "is_nonzero")) return nullptr;
  int truth = PyObject_IsTrue(o);
  return truth < 0 ? nullptr : PyBool_FromLong(truth);
}
PyObject* broadcast_shapes_function(PyObject*, PyObject* args) {
  return py::guarded<PyObject*>(nullptr, [&] {
    Shape out;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); ++i) {
      PyObject* o = PyTuple_GET_ITEM(args, i);
      Shape sizes;
      int64_t n = 0;
      if (PyLong_Check(o)) {
        if (!as_int64(o, &n)) throw py::PythonError();
        sizes.push_back(n);
      } else {
        py::Ref items = py::check(PySequence_Fast(o, "broadcast_shapes() takes shapes"));
        for (Py_ssize_t k = 0; k < PySequence_Fast_GET_SIZE(items.get()); ++k) {
          if (!as_int64(PySequence_Fast_GET_ITEM(items.get(), k), &n)) throw py::PythonError();
          sizes.push_back(n);
        }
      }
      try {
        out = broadcast_shapes(out, sizes);
      } catch (const Error&) {
        raise(ErrorKind::Runtime, "Shape mismatch: objects cannot be broadcast to a single shape: ", out, " and ",
              sizes);
      }
    }
    return new_size(out);
  });
}

// -- finfo and iinfo -------------------------------------------------------------------------------------------------

struct InfoObj {
  PyObject_HEAD DType dtype;
};
PyTypeObject finfo_type = {PyVarObject_HEAD_INIT(nullptr, 0)};
PyTypeObject iinfo_type = {PyVarObject_HEAD_INIT(nullptr, 0)};
DType get(PyObject* o) { return reinterpret_cast<InfoObj*>(o)->dtype; }

struct FloatLimits {
  double eps, max, tiny, resolution;
};
FloatLimits limits_of(DType t) {
  switch (t) {
    case DType::F16: return {0x1p-10, 65504.0, 0x1p-14, 1e-3};
    case DType::BF16: return {0x1p-7, 0x1.FEp127, 0x1p-126, 1e-2};
    case DType::F32: return {FLT_EPSILON, FLT_MAX, FLT_MIN, 1e-6};
    default: return {DBL_EPSILON, DBL_MAX, DBL_MIN, 1e-15};
  }
}

PyObject* make_info(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"type", nullptr};
  PyObject* o = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O", const_cast<char**>(names), &o)) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    bool floats = type == &finfo_type;
    DType named;
    // A stand-in for a dtype that framejit lacks may know its limits.
    if (PyObject* known = o && !as_dtype(o, &named) ? PyObject_GetAttrString(o, "_framejit_limits") : nullptr)
      return known;
    PyErr_Clear();
    DType t = o ? need_dtype(o, floats ? "finfo" : "iinfo") : default_dtype();
    if (floats && is_complex(t)) t = part_of(t);
    if (floats)
      FJ_USER_CHECK(
          is_float(t), ErrorKind::Type,
          "framejit.finfo() requires a floating point input type. Use framejit.iinfo to handle 'framejit.finfo'");
    else
      FJ_USER_CHECK(
          is_integral(t), ErrorKind::Type,
          t == DType::Bool
              ? "framejit.bool is not supported by framejit.iinfo"
              : "framejit.iinfo() requires an integer input type. Use framejit.finfo to handle 'framejit.iinfo'");
    InfoObj* info = PyObject_New(InfoObj, type);
    if (info) info->dtype = t;
    return reinterpret_cast<PyObject*>(info);
  });
}

PyObject* bits(PyObject* o, void*) { return PyLong_FromLong(size_of(get(o)) * 8); }
PyObject* info_dtype(PyObject* o, void*) { return PyUnicode_FromString(name_of(get(o))); }
template <double FloatLimits::*kField, int kSign>
PyObject* float_field(PyObject* o, void*) {
  return PyFloat_FromDouble(kSign * (limits_of(get(o)).*kField));
}
PyObject* int_max(PyObject* o, void*) {
  DType t = get(o);
  uint64_t all = ~uint64_t{0} >> (64 - size_of(t) * 8);
  return PyLong_FromUnsignedLongLong(is_unsigned(t) ? all : all >> 1);
}
PyObject* int_min(PyObject* o, void*) {
  DType t = get(o);
  return PyLong_FromLongLong(is_unsigned(t) ? 0 : t == DType::I64 ? INT64_MIN : -(int64_t{1} << (size_of(t) * 8 - 1)));
}

PyObject* finfo_repr(PyObject* o) {
  FloatLimits l = limits_of(get(o));
  char text[240];
  snprintf(text, sizeof text, "finfo(resolution=%g, min=%g, max=%g, eps=%g, smallest_normal=%g, tiny=%g, dtype=%s)",
           l.resolution, -l.max, l.max, l.eps, l.tiny, l.tiny, name_of(get(o)));
  return PyUnicode_FromString(text);
}
PyObject* iinfo_repr(PyObject* o) {
  py::Ref low = py::Ref::steal(int_min(o, nullptr)), high = py::Ref::steal(int_max(o, nullptr));
  return PyUnicode_FromFormat("iinfo(min=%S, max=%S, dtype=%s)", low.get(), high.get(), name_of(get(o)));
}

PyGetSetDef finfo_fields[] = {
    {"bits", bits, nullptr, nullptr, nullptr},
    {"dtype", info_dtype, nullptr, nullptr, nullptr},
    {"eps", float_field<&FloatLimits::eps, 1>, nullptr, nullptr, nullptr},
    {"max", float_field<&FloatLimits::max, 1>, nullptr, nullptr, nullptr},
    {"min", float_field<&FloatLimits::max, -1>, nullptr, nullptr, nullptr},
    {"tiny", float_field<&FloatLimits::tiny, 1>, nullptr, nullptr, nullptr},
    {"smallest_normal", float_field<&FloatLimits::tiny, 1>, nullptr, nullptr, nullptr},
    {"resolution", float_field<&FloatLimits::resolution, 1>, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyGetSetDef iinfo_fields[] = {
    {"bits", bits, nullptr, nullptr, nullptr},     {"dtype", info_dtype, nullptr, nullptr, nullptr},
    {"max", int_max, nullptr, nullptr, nullptr},   {"min", int_min, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

bool ready(PyTypeObject& t, const char* name, PyGetSetDef* fields, reprfunc repr, const char* doc) {
  t.tp_name = name;
  t.tp_basicsize = sizeof(InfoObj);
  t.tp_flags = Py_TPFLAGS_DEFAULT;
  t.tp_new = make_info;
  t.tp_repr = repr;
  t.tp_getset = fields;
  t.tp_doc = doc;
  return PyType_Ready(&t) == 0;
}

PyMethodDef functions[] = {
    {"get_default_dtype", get_default_dtype, METH_NOARGS, R"doc(The dtype of floating tensors made from Python floats.

>>> import framejit
>>> framejit.get_default_dtype()
framejit.float32
)doc"},
    {"set_default_dtype", set_default_dtype_function, METH_O,
     R"doc(Sets the dtype of floating tensors made from Python floats.

d (framejit.dtype): a floating one. Raises TypeError for others.

>>> import framejit
>>> framejit.set_default_dtype(framejit.float32)
)doc"},
    {"promote_types", promote_types, METH_VARARGS, R"doc(The smallest dtype that both can be cast to.

type1, type2 (framejit.dtype). Raises TypeError for other types.

>>> import framejit
>>> framejit.promote_types(framejit.int64, framejit.float32)
framejit.float32
)doc"},
    {"can_cast", keywords(can_cast_function), METH_VARARGS | METH_KEYWORDS, R"doc(Whether promotion rules allow a cast.

from_, to (framejit.dtype). Raises TypeError for other types.

>>> import framejit
>>> framejit.can_cast(framejit.int64, framejit.float32), framejit.can_cast(framejit.float32, framejit.int64)
(True, False)
)doc"},
    {"is_tensor", is_tensor_function, METH_O, R"doc(Whether an object is a Tensor.

obj (object).

>>> import framejit
>>> framejit.is_tensor(framejit.ones(1)), framejit.is_tensor(3)
(True, False)
)doc"},
    {"broadcast_shapes", broadcast_shapes_function, METH_VARARGS, R"doc(The shape that all given shapes broadcast to.

*shapes (int, or sequence of int). Raises RuntimeError for shapes that do not.

>>> import framejit
>>> framejit.broadcast_shapes((3, 1), (2,))
framejit.Size([3, 2])
)doc"},
    {nullptr, nullptr, 0, nullptr},
};

// Questions about tensors, which arguments may answer themselves.
PyMethodDef questions[] = {
    {"result_type", result_type_function, METH_VARARGS, R"doc(The dtype of an operation on two tensors or numbers.

tensor1, tensor2 (Tensor or number). Raises TypeError for other types.

>>> import framejit
>>> framejit.result_type(framejit.ones(1, dtype=framejit.int32), 2.5)
framejit.float32
)doc"},
    {"is_floating_point", keywords(is_floating_point), METH_VARARGS | METH_KEYWORDS,
     R"doc(Whether a tensor's dtype is a floating one.

input (Tensor). Raises TypeError for other types.

>>> import framejit
>>> framejit.is_floating_point(framejit.ones(1))
True
)doc"},
    {"is_complex", keywords(is_complex_function), METH_VARARGS | METH_KEYWORDS,
     R"doc(Whether a tensor's dtype is a complex one.

input (Tensor). Raises TypeError for other types.

>>> import framejit
>>> framejit.is_complex(framejit.tensor(1j)), framejit.is_complex(framejit.ones(1))
(True, False)
)doc"},
    {"numel", keywords(numel), METH_VARARGS | METH_KEYWORDS, R"doc(The number of elements.

input (Tensor). Raises TypeError for other types.

>>> import framejit
>>> framejit.numel(framejit.ones(2, 3))
6
)doc"},
    {"is_nonzero", is_nonzero, METH_O, R"doc(The truth of a one-element tensor.

input (Tensor). Raises RuntimeError for a tensor of several elements.

>>> import framejit
>>> framejit.is_nonzero(framejit.tensor([2]))
True
)doc"},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_dtype_functions(PyObject* module) {
  if (!ready(finfo_type, "framejit.finfo", finfo_fields, finfo_repr, R"doc(Limits of a floating dtype.

finfo(type: dtype = None), the default dtype without one. Raises TypeError for others.

>>> import framejit
>>> framejit.finfo(framejit.float32).eps, framejit.finfo(framejit.float16).max
(1.1920928955078125e-07, 65504.0)
)doc"))
    return false;
  if (!ready(iinfo_type, "framejit.iinfo", iinfo_fields, iinfo_repr, R"doc(Limits of an integer dtype.

iinfo(type: dtype). Raises TypeError for others.

>>> import framejit
>>> framejit.iinfo(framejit.int8).min, framejit.iinfo(framejit.int8).max
(-128, 127)
)doc"))
    return false;
  return PyModule_AddObjectRef(module, "finfo", reinterpret_cast<PyObject*>(&finfo_type)) == 0 &&
         PyModule_AddObjectRef(module, "iinfo", reinterpret_cast<PyObject*>(&iinfo_type)) == 0 &&
         PyModule_AddFunctions(module, functions) == 0 &&
         PyModule_AddFunctions(module, asking_functions(module, questions, true)) == 0;
}

}  // namespace fj::bind
