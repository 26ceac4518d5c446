#include "bind/parse.h"

#include <cmath>

#include "bind/generator.h"
#include "py/text.h"
#include "tensor/layer.h"

namespace fj::bind {
namespace {

bool is_sequence(PyObject* o) { return PyTuple_Check(o) || PyList_Check(o); }
PyObject* item_of(PyObject* seq, Py_ssize_t i) {
  return PyTuple_Check(seq) ? PyTuple_GET_ITEM(seq, i) : PyList_GET_ITEM(seq, i);
}
Py_ssize_t length_of(PyObject* seq) { return PyTuple_Check(seq) ? PyTuple_GET_SIZE(seq) : PyList_GET_SIZE(seq); }

// An integer for an int argument: not a bool, not a float; 0-d integer tensors and NumPy integers by __index__.
bool as_index(PyObject* o, int64_t* out) {
  if (PyBool_Check(o) || PyFloat_Check(o)) return false;
  if (!PyLong_Check(o) && !PyIndex_Check(o)) return false;
  if (is_tensor(o) && (as_tensor(o)->meta.dim() != 0 || !is_integral(as_tensor(o)->meta.dtype))) return false;
  if (!as_int64(o, out)) throw py::PythonError();
  return true;
}

// The number in a 0-d tensor that does not require grad.
bool number_of_tensor(PyObject* o, Arg* out) {
  if (!is_tensor(o)) return false;
  TensorObj* t = as_tensor(o);
  if (t->meta.dim() != 0 || t->meta.requires_grad) return false;
  t = check_data(t, "a number argument");
  *out = load_number(data_of(t), t->meta.dtype);
  return true;
}

Match convert_ints(PyObject* o, bool bools, Arg* out) {
  if (!is_sequence(o)) return Match::No;
  SmallVec<int64_t, 6> v(static_cast<size_t>(length_of(o)), 0);
  for (size_t i = 0; i < v.size(); ++i) {
    PyObject* item = item_of(o, static_cast<Py_ssize_t>(i));
    if (bools) {
      if (!PyBool_Check(item)) return Match::No;
      v[i] = item == Py_True;
    } else if (!as_index(item, &v[i])) {
      return Match::No;
    }
  }
  *out = bools ? Arg::bools(v) : Arg::ints(v);
  return Match::Yes;
}

Match convert_floats(PyObject* o, Arg* out) {
  if (!is_sequence(o)) return Match::No;
  std::vector<double> v;
  for (Py_ssize_t i = 0; i < length_of(o); ++i) {
    Arg n;
    if (!as_number(item_of(o, i), &n) || n.is_complex()) return Match::No;
    v.push_back(n.as_double());
  }
  *out = Arg::floats(v);
  return Match::Yes;
}

Match convert_tensors(PyObject* o, bool allow_none, Arg* out) {
  if (!is_sequence(o)) return Match::No;
  SmallVec<Val, 8> v;
  for (Py_ssize_t i = 0; i < length_of(o); ++i) {
    PyObject* item = item_of(o, i);
    if (is_tensor(item))
      v.push_back(val_of(as_tensor(item)));
    else if (allow_none && item == Py_None)
      v.push_back(Val{});
    else
      return Match::No;
  }
  *out = Arg::tensors(v);
  return Match::Yes;
}

Match convert_single(const ArgDef& def, PyObject* o, Arg* out) {
  int64_t i = 0;
  if (!def.single_as_list || !as_index(o, &i)) return Match::No;
  *out = Arg::ints({i});
  return Match::Yes;
}

template <class T>
Match assign(Arg* out, T v) {
  *out = Arg(v);
  return Match::Yes;
}

}  // namespace

bool as_number(PyObject* o, Arg* out) {
  if (PyFloat_Check(o)) {
    *out = Arg(PyFloat_AS_DOUBLE(o));
    return true;
  }
  if (PyBool_Check(o)) {
    *out = Arg(o == Py_True);
    return true;
  }
  if (PyLong_Check(o)) {
    const int64_t v = PyLong_AsLongLong(o);  // OverflowError, where other integers are ValueErrors, as in PyTorch
    if (v == -1 && PyErr_Occurred()) throw py::PythonError();
    *out = Arg(v);
    return true;
  }
  if (PyComplex_Check(o)) {
    *out = Arg::complex(PyComplex_RealAsDouble(o), PyComplex_ImagAsDouble(o));
    return true;
  }
  // NumPy scalars: numbers that are neither tensors nor sequences.
  PyNumberMethods* nb = Py_TYPE(o)->tp_as_number;
  if (!nb || is_tensor(o) || PyObject_CheckBuffer(o) == 0 ||
      (Py_TYPE(o)->tp_as_mapping && Py_TYPE(o)->tp_as_sequence && Py_TYPE(o)->tp_as_sequence->sq_length))
    return false;
  std::string_view name = Py_TYPE(o)->tp_name;
  if (name == "numpy.bool_" || name == "numpy.bool") {
    *out = Arg(PyObject_IsTrue(o) == 1);
    return true;
  }
  if (nb->nb_index) {
    int64_t v = 0;
    if (!as_int64(o, &v)) throw py::PythonError();
    *out = Arg(v);
    return true;
  }
  if (name == "numpy.complex64") {
    Py_complex c = PyComplex_AsCComplex(o);
    *out = Arg::complex(c.real, c.imag);
    return true;
  }
  if (!nb->nb_float) return false;
  double d = PyFloat_AsDouble(o);
  if (d == -1 && PyErr_Occurred()) {
    PyErr_Clear();
    return false;
  }
  *out = Arg(d);
  return true;
}

Match convert(const ArgDef& def, PyObject* o, Arg* out) {
  if (o == Py_None && def.optional) {
    *out = Arg();
    return Match::Yes;
  }
  int64_t i = 0;
  DType t;
  Device d;
  MemoryFormat f;
  switch (def.type) {
    case ArgType::Tensor:
    case ArgType::OptTensor:
      if (is_tensor(o)) return assign(out, val_of(as_tensor(o)));
      if (def.type == ArgType::OptTensor && o == Py_None) {
        *out = Arg();
        return Match::Yes;
      }
      return Match::No;
    case ArgType::Operand:
      if (is_tensor(o)) return assign(out, val_of(as_tensor(o)));
      return !def.mutated && !def.no_number && as_number(o, out) ? Match::Yes : Match::No;
    case ArgType::Scalar: return as_number(o, out) || number_of_tensor(o, out) ? Match::Yes : Match::No;
    case ArgType::Int: return as_index(o, &i) ? assign(out, i) : Match::No;
    case ArgType::Float: {
      Arg n;
      if ((!as_number(o, &n) && !number_of_tensor(o, &n)) || n.is_complex()) return Match::No;
      return assign(out, n.as_double());
    }
    case ArgType::Bool: return PyBool_Check(o) ? assign(out, o == Py_True) : Match::No;
    case ArgType::Str: {
      if (!PyUnicode_Check(o)) return Match::No;
      return assign(out, py::utf8(o));
    }
    case ArgType::DType: return as_dtype(o, &t) ? assign(out, t) : Match::No;
    case ArgType::Device: return as_device(o, &d) ? assign(out, d) : Match::No;
    case ArgType::Layout:
      *out = Arg();
      if (!is_layout(o)) return Match::No;
      FJ_USER_CHECK(o == strided_layout(), ErrorKind::NotImplemented,
                    "only the functions of framejit.sparse and to_sparse() make tensors of this layout");
      return Match::Yes;
    case ArgType::MemoryFormat: return as_memory_format(o, &f) ? assign(out, f) : Match::No;
    case ArgType::Generator:
      if (!is_generator(o)) return Match::No;
      *out = Arg::object(generator_of(o));
      return Match::Yes;
    case ArgType::IntList: return convert_single(def, o, out) == Match::Yes ? Match::Yes : convert_ints(o, false, out);
    case ArgType::BoolList: return convert_ints(o, true, out);
    case ArgType::FloatList: return convert_floats(o, out);
    case ArgType::TensorList: return convert_tensors(o, false, out);
    case ArgType::OptTensorList: return convert_tensors(o, true, out);
  }
  return Match::No;
}

namespace {

// Keyword names that NumPy users write, as PyTorch accepts them.
std::string_view canonical(std::string_view name) {
  if (name == "axis") return "dim";
  if (name == "keepdims") return "keepdim";
  if (name == "input" || name == "x" || name == "x1" || name == "a") return "self";
  if (name == "x2") return "other";
  return name;
}

int find_keyword(const OpDef& op, std::string_view name) {
  int i = op.arg_index(name);
  return i >= 0 ? i : op.arg_index(canonical(name));
}

// x.view(2, 3): a lone list argument may be spelled out.
bool spells_out_list(const OpDef& op, const CallArgs& call, Py_ssize_t positional) {
  size_t first = call.method ? 1 : 0;
  if (positional <= 0 || op.args.size() <= first || op.args[first].type != ArgType::IntList) return false;
  for (size_t i = first + 1; i < op.args.size(); ++i)
    if (!op.args[i].kw_only) return false;
  PyObject* o = call.pos[first];
  return !is_sequence(o) && !PyBool_Check(o) && PyIndex_Check(o);
}

size_t count_positional(const OpDef& op) {
  size_t n = 0;
  while (n < op.args.size() && !op.args[n].kw_only) ++n;
  return n;
}

void explain_type(std::string* why, const OpDef& op, const ArgDef& def, Py_ssize_t position, PyObject* o);

struct Parser {
  const OpDef& op;
  const CallArgs& call;
  ArgVec& args;
  CallExtras& extras;
  std::string* why;
  uint64_t given = 0;

  Match fail(std::string text) {
    if (why) *why = std::move(text);
    return Match::No;
  }

  Match take(size_t i, PyObject* o, Py_ssize_t position) {
    const ArgDef& def = op.args[i];
    given |= uint64_t{1} << i;
    // None for an argument with a default None is the default.
    if (convert(def, o, &args[i]) == Match::Yes) return Match::Yes;
    if (why) explain_type(why, op, def, position, o);
    return Match::No;
  }

  Match positional() {
    Py_ssize_t n = call.npos;
    if (spells_out_list(op, call, n - call.method)) {
      SmallVec<int64_t, 6> v;
      for (Py_ssize_t k = call.method; k < n; ++k) {
        int64_t i = 0;
        if (!as_index(call.pos[k], &i))
          return fail(cat(op.name, "(): argument '", op.args[call.method].name,
                          "' must be tuple of ints, but found element of type ", Py_TYPE(call.pos[k])->tp_name,
                          " at pos ", k - call.method));
        v.push_back(i);
      }
      args[call.method] = Arg::ints(v);
      given |= uint64_t{1} << static_cast<int>(call.method);
      n = call.method;
    }
    size_t limit = count_positional(op);
    if (static_cast<size_t>(n) > limit) {
      size_t own = limit - call.method;
      return fail(cat(op.name, "() takes ", own, " positional argument", own == 1 ? "" : "s", " but ", n - call.method,
                      n - call.method == 1 ? " was" : " were", " given"));
    }
    for (Py_ssize_t k = 0; k < n; ++k)
      if (take(static_cast<size_t>(k), call.pos[k], k + 1 - call.method) == Match::No) return Match::No;
    return Match::Yes;
  }

  Match extra(std::string_view name, PyObject* value) {
    if (name == "out" && op.has(kHasOut)) {
      extras.out = value == Py_None ? nullptr : value;
      return Match::Yes;
    }
    bool factory = op.arg_index("dtype") >= 0 && op.arg_index("device") >= 0;
    if (factory && name == "requires_grad" && PyBool_Check(value)) {
      extras.requires_grad = value == Py_True;
      return Match::Yes;
    }
    if (factory && name == "pin_memory" && value == Py_False) return Match::Yes;
    return fail(cat(op.name, "() got an unexpected keyword argument '", name, "'"));
  }

  Match keywords() {
    for (Py_ssize_t k = 0; k < call.nkw(); ++k) {
      const std::string text = py::utf8(PyTuple_GET_ITEM(call.kwnames, k));
      PyObject* value = call.pos[call.npos + k];
      int i = find_keyword(op, text);
      if (i < 0) {
        if (extra(text, value) == Match::No) return Match::No;
        continue;
      }
      if (given >> i & 1) return fail(cat(op.name, "() got multiple values for argument '", text, "'"));
      if (take(static_cast<size_t>(i), value, 0) == Match::No) return Match::No;
    }
    return Match::Yes;
  }

  Match defaults() {
    for (size_t i = 0; i < op.args.size(); ++i) {
      if (given >> i & 1) continue;
      const ArgDef& def = op.args[i];
      if (!def.has_default && !def.optional)
        return fail(cat(op.name, "() missing 1 required positional arguments: \"",
                        std::string_view(def.name) == "self" ? "input" : def.name, "\""));
      args[i] = def.def;
    }
    return Match::Yes;
  }
};

const char* type_words(const ArgDef& def) {
  switch (def.type) {
    case ArgType::Tensor:
    case ArgType::OptTensor:
    case ArgType::Operand: return "Tensor";
    case ArgType::Scalar: return "Number";
    case ArgType::Int: return "int";
    case ArgType::Float: return "float";
    case ArgType::Bool: return "bool";
    case ArgType::Str: return "str";
    case ArgType::DType: return "framejit.dtype";
    case ArgType::Device: return "framejit.device";
    case ArgType::Layout: return "framejit.layout";
    case ArgType::MemoryFormat: return "framejit.memory_format";
    case ArgType::Generator: return "Generator";
    case ArgType::IntList: return "tuple of ints";
    case ArgType::FloatList: return "tuple of floats";
    case ArgType::BoolList: return "tuple of bools";
    case ArgType::TensorList:
    case ArgType::OptTensorList: return "tuple of Tensors";
  }
  return "?";
}

void explain_type(std::string* why, const OpDef& op, const ArgDef& def, Py_ssize_t position, PyObject* o) {
  const char* name = std::string_view(def.name) == "self" ? "input" : def.name;
  if (op.id == OpId::narrow && def.name == std::string_view("start") && is_tensor(o))
    raise(ErrorKind::Runtime, "start must be an 0-dim integral Tensor.");
  std::string where = position > 0 ? cat(" (position ", position, ")") : std::string();
  if (is_sequence(o) && (def.type == ArgType::IntList || def.type == ArgType::TensorList)) {
    for (Py_ssize_t i = 0; i < length_of(o); ++i) {
      PyObject* item = item_of(o, i);
      bool fits = def.type == ArgType::TensorList ? is_tensor(item) : PyLong_Check(item) && !PyBool_Check(item);
      if (fits) continue;
      *why = cat(op.name, "(): argument '", name, "'", where, " must be ", type_words(def),
                 ", but found element of type ", Py_TYPE(item)->tp_name, " at pos ", i);
      return;
    }
  }
  *why = cat(op.name, "(): argument '", name, "'", where, " must be ", type_words(def), ", not ",
             type_name_for_message(o));
}

// Is no operand a tensor? PyTorch lets arithmetic have that, and nothing else.
bool numbers_only(const OpDef& op, const ArgVec& args) {
  if (op.id == OpId::add || op.id == OpId::sub || op.id == OpId::mul || op.id == OpId::div || op.id == OpId::div_mode ||
      op.id == OpId::floor_divide)
    return false;
  bool operands = false;
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i].is_tensor()) return false;
    operands |= op.args[i].type == ArgType::Operand && !args[i].is_none();
  }
  return operands;
}

}  // namespace

std::string type_name_for_message(PyObject* o) {
  if (is_tensor(o)) return is_exact_tensor(o) ? "Tensor" : Py_TYPE(o)->tp_name;
  return Py_TYPE(o)->tp_name;
}

Match parse_call(const OpDef& op, const CallArgs& call, ArgVec* args, CallExtras* extras, std::string* why) {
  FJ_DCHECK(op.args.size() <= 64);
  args->resize(op.args.size());
  Parser p{op, call, *args, *extras, why};
  if (p.positional() == Match::No) return Match::No;
  if (call.kwnames && p.keywords() == Match::No) return Match::No;
  if (p.defaults() == Match::No) return Match::No;
  return numbers_only(op, *args) ? p.fail(cat(op.name, "() received an invalid combination of arguments - got ",
                                              "numbers only, but expected a Tensor among them"))
                                 : Match::Yes;
}

namespace {

std::string describe_overload(const OpDef& op, bool method) {
  std::string text = " * (";
  bool first = true, kw = false;
  for (size_t i = method ? 1 : 0; i < op.args.size(); ++i) {
    const ArgDef& def = op.args[i];
    if (!first) text += ", ";
    if (def.kw_only && !kw) {
      text += "*, ";
      kw = true;
    }
    append(text, type_words(def));
    text += ' ';
    append(text, std::string_view(def.name) == "self" ? "input" : def.name);
    if (def.has_default && !def.def.is_none())
      text += cat(" = ", to_string(def.def));
    else if (def.has_default || def.optional)
      text += " = None";
    first = false;
  }
  return text + ")";
}

std::string describe_given(const CallArgs& call) {
  std::string text;
  for (Py_ssize_t i = call.method; i < call.npos; ++i) {
    if (!text.empty()) text += ", ";
    text += type_name_for_message(call.pos[i]);
  }
  for (Py_ssize_t k = 0; k < call.nkw(); ++k) {
    if (!text.empty()) text += ", ";
    text += cat(py::utf8(PyTuple_GET_ITEM(call.kwnames, k)), "=", type_name_for_message(call.pos[call.npos + k]));
  }
  return text;
}

}  // namespace

void raise_no_match(const char* name, std::span<const OpDef* const> overloads, const CallArgs& call) {
  if (overloads.size() == 1) {
    ArgVec args;
    CallExtras extras;
    std::string why;
    parse_call(*overloads[0], call, &args, &extras, &why);
    raise(ErrorKind::Type, std::move(why));
  }
  std::string text = cat(name, "() received an invalid combination of arguments - got (", describe_given(call),
                         "), but expected one of:\n");
  for (const OpDef* op : overloads) text += describe_overload(*op, call.method) + "\n";
  raise(ErrorKind::Type, std::move(text));
}

}  // namespace fj::bind
