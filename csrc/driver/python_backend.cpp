// Graphs for back ends written in Python: framejit._backends.lower gets the graph as plain data and gives a callable.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "driver/bodies.h"
#include "driver/compiled.h"
#include "driver/python_program.h"
#include "py/error.h"
#include "py/text.h"
#include "tensor/thread_state.h"

namespace fj::driver {
namespace {

using py::check;
using py::Ref;

Ref attribute(const char* module, const char* name) {
  Ref m = check(PyImport_ImportModule(module));
  return check(PyObject_GetAttrString(m.get(), name));
}

Ref text(const std::string& s) {
  return check(PyUnicode_FromStringAndSize(s.data(), static_cast<Py_ssize_t>(s.size())));
}

template <class Range, class F>
Ref tuple_of(const Range& range, F&& f) {
  Ref out = check(PyTuple_New(static_cast<Py_ssize_t>(range.size())));
  Py_ssize_t i = 0;
  for (const auto& v : range) {
    Ref item = f(v);
    PyTuple_SET_ITEM(out.get(), i++, item.release());
  }
  return out;
}

class Describer {
 public:
  Describer() : ref_type_(attribute("framejit._backends", "Ref")) {}

  Ref value(const graph::Value* v) {
    Ref own = name(v);
    return check(PyObject_CallOneArg(ref_type_.get(), own.get()));
  }

  // Values of parts of a graph that was split may have the same name.
  Ref name(const graph::Value* v) {
    auto [it, fresh] = names_.try_emplace(v, v->name);
    for (int n = 1; fresh && !taken_.insert(it->second).second; ++n) it->second = cat(v->name, "_", n);
    return text(it->second);
  }
  Ref names(const std::vector<graph::Value*>& values) {
    return tuple_of(values, [&](const graph::Value* v) { return name(v); });
  }

  Ref arg(const Arg& a) {
    switch (a.tag()) {
      case ArgTag::None: return Ref::borrow(Py_None);
      case ArgTag::Tensor: return value(graph::value_of(a.val()));
      case ArgTag::TensorList:
        return tuple_of(a.as_vals(), [&](Val v) { return v ? value(graph::value_of(v)) : Ref::borrow(Py_None); });
      case ArgTag::Bool: return check(PyBool_FromLong(a.as_bool()));
      case ArgTag::Int: return check(PyLong_FromLongLong(a.as_int()));
      case ArgTag::Float: return check(PyFloat_FromDouble(a.as_double()));
      case ArgTag::Complex: return check(PyComplex_FromDoubles(a.real(), a.imag()));
      case ArgTag::IntList: return tuple_of(a.as_ints(), [](int64_t i) { return check(PyLong_FromLongLong(i)); });
      case ArgTag::BoolList: return tuple_of(a.as_ints(), [](int64_t i) { return check(PyBool_FromLong(i != 0)); });
      case ArgTag::FloatList: return tuple_of(a.as_floats(), [](double d) { return check(PyFloat_FromDouble(d)); });
      case ArgTag::Str: return text(a.as_str());
      case ArgTag::DType: return attribute("framejit", name_of(a.as_dtype()));
      case ArgTag::MemoryFormat: return attribute("framejit", to_string(a).c_str());
      case ArgTag::Device: return check(PyUnicode_FromString("cpu"));
      case ArgTag::Object: break;
    }
    raise(ErrorKind::Unsupported, "a generator in a graph for a Python back end");
  }

  // The nodes, with switches of grad mode and autocast where these change: a back end differentiates the graph as the
  // program would have.
  Ref nodes(const graph::Graph& g) {
    std::vector<Ref> out;
    add_nodes(g, thread_state().grad_mode, out);
    return tuple_of(out, [](const Ref& r) { return r; });
  }

  void add_nodes(const graph::Graph& g, bool at_entry, std::vector<Ref>& out) {
    bool grad = at_entry;
    auto set_grad = [&](bool on) {
      if (on != grad) out.push_back(check(Py_BuildValue("(s()(N){}{})", "_set_grad_enabled", PyBool_FromLong(on))));
      grad = on;
    };
    for (const graph::Node* n : g.nodes) {
      set_autocast(n->autocast, out);
      set_grad(!n->no_grad);
      if (has_bodies(n->op->id)) bodies_before(*n, out);
      out.push_back(node(*n));
    }
    set_autocast({}, out);
    set_grad(at_entry);
  }

  Ref node(const graph::Node& n) {
    Ref results = tuple_of(n.outs, [&](const graph::Value* v) { return name(v); });
    Ref kwargs = check(PyDict_New());
    std::vector<const Arg*> positional;
    bool by_name = false;
    for (size_t i = 0; i < n.args.size(); ++i) {
      const ArgDef& def = n.op->args[i];
      if (def.has_default && n.args[i] == def.def) {
        by_name = true;
        continue;
      }
      if (!by_name && !def.kw_only) {
        positional.push_back(&n.args[i]);
        continue;
      }
      Ref v = arg(n.args[i]);
      check(PyDict_SetItemString(kwargs.get(), def.name, v.get()));
    }
    if (has_bodies(n.op->id)) std::erase_if(positional, [](const Arg* a) { return a->tag() == ArgTag::Object; });
    Ref args = tuple_of(positional, [&](const Arg* a) { return arg(*a); });
    Ref meta = meta_of(n);
    const char* name = n.op->full_name;
    if (const Bodies* loop = has_bodies(n.op->id) ? bodies_of(n.args).forward() : nullptr) {
      name = "_while_loop_back";  // of what its lists hold: gradients, what the loop begins with
      Ref begin = tuple_of(n.args[1].as_vals().first(loop->results(1).size()),
                           [&](Val v) { return value(graph::value_of(v)); });
      args = check(Py_BuildValue("(NO)", arg(n.args[0]).release(), begin.get()));
    }
    return check(Py_BuildValue("(sOOOO)", name, results.get(), args.get(), kwargs.get(), meta.get()));
  }

 private:
  // {"regions": ((number, name), …)}, outermost first, of those that were closed.
  Ref meta_of(const graph::Node& n) {
    Ref meta = check(PyDict_New());
    std::vector<const graph::Region*> path;
    for (const graph::Region* r = n.region.get(); r; r = r->parent.get())
      if (r->closed) path.insert(path.begin(), r);
    if (path.empty()) return meta;
    Ref regions = tuple_of(path, [&](const graph::Region* r) {
      const auto number = static_cast<Py_ssize_t>(numbers_.try_emplace(r, numbers_.size()).first->second);
      return check(Py_BuildValue("(nN)", number, py::to_str(r->name).release()));
    });
    check(PyDict_SetItemString(meta.get(), "regions", regions.get()));
    return meta;
  }

  void set_autocast(const graph::Autocast& to, std::vector<Ref>& out) {
    if (to == autocast_) return;
    Ref name = text(cat("autocast_", regions_));
    if (autocast_.on) {
      Ref mode = check(PyObject_CallOneArg(ref_type_.get(), name.get()));
      out.push_back(check(Py_BuildValue("(s()(O){}{})", "_exit_autocast", mode.get())));
    }
    if (to.on) {
      name = text(cat("autocast_", ++regions_));
      Ref dtype = attribute("framejit", name_of(to.dtype));
      out.push_back(check(Py_BuildValue("(s(O)(sOOO){}{})", "_enter_autocast", name.get(), "cpu", dtype.get(), Py_True,
                                        to.cache ? Py_True : Py_False)));
    }
    autocast_ = to;
  }

  // The nodes of bodies stand before the operator, each body between two marks (framejit._bodies); it takes what the
  // operator is given.
  void bodies_before(const graph::Node& n, std::vector<Ref>& out) {
    const Bodies& bodies = bodies_of(n.args);
    std::vector<const graph::Value*> given;
    for (const Arg& a : n.args)
      if (a.tag() == ArgTag::TensorList)
        for (Val v : a.as_vals()) given.push_back(graph::value_of(v));
    size_t operands = n.args[operands_at(n)].as_vals().size();
    std::vector<const graph::Graph*> graphs;
    if (const Bodies* loop = bodies.forward()) {
      operands -= loop->results(1).size();
      for (size_t i = 0; i < body_count(*loop); ++i) graphs.push_back(&graph_of(*loop, i));
    }
    for (size_t i = 0; i < body_count(bodies); ++i) graphs.push_back(&graph_of(bodies, i));
    for (const graph::Graph* g : graphs) {
      const auto own = given.end() - static_cast<std::ptrdiff_t>(g->inputs.size());
      body(*g, {own, given.end()}, g->inputs.size() - operands, !n.no_grad, out);
    }
  }

  static size_t operands_at(const graph::Node& n) {
    size_t last = 0;
    for (size_t i = 0; i < n.args.size(); ++i)
      if (n.args[i].tag() == ArgTag::TensorList) last = i;
    return last;
  }

  void body(const graph::Graph& g, const std::vector<const graph::Value*>& given, size_t parameters, bool grad,
            std::vector<Ref>& out) {
    for (const graph::Value* v : g.inputs) names_.erase(v);
    for (const graph::Node* n : g.nodes)
      for (const graph::Value* v : n->outs) names_.erase(v);
    for (size_t i = parameters; i < given.size(); ++i) names_[g.inputs[i]] = names_.at(given[i]);
    const std::vector<graph::Value*> own(g.inputs.begin(), g.inputs.begin() + static_cast<std::ptrdiff_t>(parameters));
    const std::vector<const graph::Value*> like(given.begin(), given.begin() + static_cast<std::ptrdiff_t>(parameters));
    Ref shaped = tuple_of(like, [&](const graph::Value* v) { return value(v); });
    out.push_back(check(Py_BuildValue("(sO(O){}{})", "_begin_body", names(own).get(), shaped.get())));
    const graph::Autocast outside = std::exchange(autocast_, {});
    add_nodes(g, grad, out);
    autocast_ = outside;
    Ref results = tuple_of(g.outputs, [&](const graph::Value* v) { return value(v); });
    out.push_back(check(Py_BuildValue("(s()(O){}{})", "_end_body", results.get())));
  }

  Ref ref_type_;
  std::unordered_map<const graph::Value*, std::string> names_;
  std::unordered_set<std::string> taken_;
  std::unordered_map<const graph::Region*, size_t> numbers_;
  graph::Autocast autocast_;
  int regions_ = 0;
};

}  // namespace

Ref lower_for_python(const graph::Graph& g, const std::vector<PyObject*>& examples, PyObject* backend) {
  Ref lower = attribute("framejit._backends", "lower");
  Describer d;
  Ref inputs = d.names(g.inputs), nodes = d.nodes(g), outputs = d.names(g.outputs);
  Ref given = tuple_of(examples, [](PyObject* o) { return Ref::borrow(o); });
  return check(PyObject_CallFunctionObjArgs(lower.get(), backend, inputs.get(), nodes.get(), outputs.get(), given.get(),
                                            nullptr));
}

std::unique_ptr<capture::Program> make_python_program(const graph::Graph& g, const std::vector<PyObject*>& examples,
                                                      PyObject* backend) {
  return std::make_unique<PythonProgram>(lower_for_python(g, examples, backend));
}

}  // namespace fj::driver
