// "%s" % (…) and "{}".format(…) with arguments that are no constants: field by field, each through its own text.
#include <algorithm>

#include "capture/leaf.h"
#include "capture/protocol.h"
#include "py/imported.h"

namespace fj::capture {

namespace {

V converted(Tracer& t, V v, char how) {
  switch (how) {
    case 0: return v;
    case 's': return to_str(t, v);
    case 'r': return to_repr(t, v);
    default: cut(Reason::native_method, "a conversion in format()");
  }
}

}  // namespace

// Gives %s and %r their texts beforehand; what is left is formatting of constants. NULL where that does not do.
V percent_format(Tracer& t, V format, V args) {
  const std::string text = py::utf8(name_of(t, format, "a format"));
  Values given = args->is == Is::Tuple ? as<TupleValue>(args)->items : Values{args}, plain;
  // Without arguments the text itself comes back; what follows an embedded NUL would be lost here.
  const bool has_nul = PyUnicode_FindChar(format->real, 0, 0, PyUnicode_GET_LENGTH(format->real), 1) >= 0;
  if (given.empty() || has_nul) return nullptr;
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    out += text[i];
    if (text[i] != '%') continue;
    if (text[i + 1] == '(') return nullptr;
    while (++i < text.size() && std::string_view("#0- +.*0123456789hlL").find(text[i]) != std::string_view::npos) {
      if (text[i] == '*') return nullptr;
      out += text[i];
    }
    if (i >= text.size()) return nullptr;
    if (text[i] != '%' && plain.size() >= given.size()) return nullptr;
    const bool texts = text[i] == 's' || text[i] == 'r';
    if (text[i] != '%') plain.push_back(texts ? converted(t, given[plain.size()], text[i]) : given[plain.size()]);
    out += texts ? 's' : text[i];
  }
  if (plain.size() != given.size()) return nullptr;
  if (std::any_of(plain.begin(), plain.end(), is_symbolic))
    return t.leaf(leaf_binary, reinterpret_cast<intptr_t>(PyNumber_Remainder),
                  {t.leaf_of(t.string(out), Reason::native_object, "a format"),
                   t.leaf_of(t.tuple(plain), Reason::native_object, "an argument of %")});
  Ref values = t.to_real(t.tuple(plain));
  Ref pattern = py::to_str(out);
  if (!values || !pattern) return nullptr;
  Ref result = Ref::steal(PyUnicode_Format(pattern.get(), values.get()));
  if (!result) t.raise_pending();
  return t.constant(result);
}

V brace_format(Tracer& t, V format, Args& args) {
  static constinit py::Imported parse{"_string", "formatter_parser"};
  t.use(format);
  Ref fields = Ref::steal(PyObject_CallOneArg(parse.get(), format->real));
  Ref list = fields ? Ref::steal(PySequence_List(fields.get())) : Ref();
  if (!list) t.raise_pending();
  V out = t.string("");
  size_t automatic = 0;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list.get()); ++i) {
    PyObject* field = PyList_GET_ITEM(list.get(), i);
    out = concat(t, out, t.constant(PyTuple_GET_ITEM(field, 0)));
    if (PyTuple_GET_ITEM(field, 1) == Py_None) continue;
    const std::string name = py::utf8(PyTuple_GET_ITEM(field, 1));
    const std::string spec = py::utf8(PyTuple_GET_ITEM(field, 2));
    PyObject* how = PyTuple_GET_ITEM(field, 3);
    if (name.find_first_of(".[") != std::string::npos || spec.find('{') != std::string::npos)
      cut(Reason::native_method, "a field of str.format() that looks into its argument");
    V v = nullptr;
    if (name.empty() || isdigit(name[0])) {
      if (name.size() > 9) cut(Reason::raises, "str.format() with too few arguments");
      const size_t at = name.empty() ? automatic++ : std::stoul(name);
      if (at >= args.pos.size()) cut(Reason::raises, "str.format() with too few arguments");
      v = args.pos[at];
    } else {
      for (auto& [key, value] : args.named)
        if (PyUnicode_Compare(key, PyTuple_GET_ITEM(field, 1)) == 0) v = value;
      if (!v) cut(Reason::raises, "str.format() without an argument of that name");
    }
    v = converted(t, v, how == Py_None ? 0 : static_cast<char>(PyUnicode_READ_CHAR(how, 0)));
    out = concat(t, out, to_format(t, v, spec.empty() ? nullptr : t.string(spec)));
  }
  return out;
}

}  // namespace fj::capture
