// The module part "bodies": what framejit._control_flow calls while it is captured, and nobody else does.
#include "bind/autograd.h"
#include "bind/module.h"
#include "bind/op_call.h"
#include "driver/bodies.h"
#include "tensor/dispatch.h"
#include "tensor/trace.h"

namespace fj::bind {
namespace {

trace::TraceSession& session() {
  trace::TraceSession* s = trace::active_session();
  FJ_USER_CHECK(s, ErrorKind::Runtime, "nothing is being traced");
  return *s;
}

std::vector<TensorObj*> given(PyObject* o) {
  return PySequence_Check(o) && PySequence_Size(o) == 0 ? std::vector<TensorObj*>() : tensors_of(o, "a body");
}

// _begin_body(like, sliced=()) -> stand-ins for tensors like these, and slices of those; None for none
PyObject* begin_body(PyObject*, PyObject* args) {
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    PyObject *like, *sliced = nullptr;
    if (!PyArg_ParseTuple(args, "O|O:_begin_body", &like, &sliced)) return nullptr;
    std::vector<TensorObj*> parameters = given(like), over = sliced ? given(sliced) : std::vector<TensorObj*>();
    Outs stand_ins;
    session().begin_body(parameters, over, stand_ins);
    return stand_ins.empty() ? Py_NewRef(Py_None) : new_tuple(stand_ins);
  });
}
// _end_body(results)
PyObject* end_body(PyObject*, PyObject* results) {
  return py::guarded<PyObject*>(nullptr, [&] {
    session().end_body(given(results));
    return Py_NewRef(Py_None);
  });
}
// _drop_body(): an exception has left it
PyObject* drop_body(PyObject*, PyObject*) {
  return py::guarded<PyObject*>(nullptr, [&] {
    session().drop_body();
    return Py_NewRef(Py_None);
  });
}
// _takes_branches(*tensors): is this captured code that wants a node of the graph for what depends on them?
PyObject* takes_branches(PyObject*, PyObject*) { Py_RETURN_FALSE; }

// _refuse(why): captured code ends its graph here
PyObject* refuse(PyObject*, PyObject*) { Py_RETURN_NONE; }

Arg list_of(std::span<const TensorRef> tensors) {
  SmallVec<Val, 8> values;
  for (const TensorRef& t : tensors) values.push_back(t.val());
  return Arg::tensors(values);
}

using Graphs = std::vector<std::unique_ptr<graph::Graph>>;

// The op `id` on `leading`, these operands and bodies, and `trailing`.
void call_on(OpId id, std::initializer_list<Arg> leading, const Outs& operands, Graphs graphs,
             std::initializer_list<Arg> trailing, Outs& made) {
  ArgVec args(leading.begin(), leading.end());
  args.push_back(list_of(operands));
  args.push_back(Arg::object(&driver::make_bodies(std::move(graphs), id == OpId::_cond)));
  for (const Arg& a : trailing) args.push_back(a);
  call_op(op_def(id), args, made);
}

PyObject* call_loop(OpId id, std::initializer_list<Arg> leading, size_t n, std::initializer_list<Arg> trailing) {
  Outs operands, made;
  Graphs graphs = session().take_bodies(n, operands);
  for (const auto& g : graphs)
    FJ_USER_CHECK(!driver::draws(*g), ErrorKind::Unsupported, "random numbers in the body of a loop");
  call_on(id, leading, operands, std::move(graphs), trailing, made);
  return new_tuple(made);
}

// _cond(pred) -> the results of one of the two last bodies
PyObject* cond(PyObject*, PyObject* pred) {
  return py::guarded<PyObject*>(nullptr, [&] {
    TensorRef chosen = session().fake_of(tensors_of(pred, "cond").at(0));
    Outs operands, made;
    Graphs graphs = session().take_bodies(2, operands);
    if (Graphs drawing = driver::take_draws(graphs); !drawing.empty()) {
      GradModeGuard no_grad(false);
      Outs drawn;
      call_on(OpId::_cond, {Arg(chosen.val())}, operands, std::move(drawing), {}, drawn);
      for (TensorRef& t : drawn) operands.push_back(std::move(t));
    }
    call_on(OpId::_cond, {Arg(chosen.val())}, operands, std::move(graphs), {}, made);
    return new_tuple(made);
  });
}

Arg fakes_of(PyObject* tensors) {
  std::vector<TensorRef> fakes;
  for (TensorObj* t : given(tensors)) fakes.push_back(session().fake_of(t));
  return list_of(fakes);
}

// _while_loop(carried) -> what is carried at the end: the last two bodies say whether to go on, and with what
PyObject* while_loop(PyObject*, PyObject* carried) {
  return py::guarded<PyObject*>(nullptr, [&] { return call_loop(OpId::_while_loop, {fakes_of(carried)}, 2, {}); });
}

// _scan(carried, xs) -> what is carried at the end, and what else the last body gives, stacked
PyObject* scan(PyObject*, PyObject* args) {
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    PyObject *carried, *xs;
    if (!PyArg_ParseTuple(args, "OO:_scan", &carried, &xs)) return nullptr;
    return call_loop(OpId::_scan, {fakes_of(carried), fakes_of(xs)}, 1, {Arg(false)});
  });
}

// _while_loop_back: the name of what no program calls, in graphs for Python
PyObject* by_name(PyObject*, PyObject*) {
  PyErr_SetString(PyExc_RuntimeError, "this operator is made by capture alone");
  return nullptr;
}

PyMethodDef kFunctions[] = {
    {"_begin_body", begin_body, METH_VARARGS, nullptr},
    {"_end_body", end_body, METH_O, nullptr},
    {"_drop_body", drop_body, METH_NOARGS, nullptr},
    {"_takes_branches", takes_branches, METH_VARARGS, nullptr},
    {"_refuse", refuse, METH_O, nullptr},
    {"_cond", cond, METH_O, nullptr},
    {"_while_loop", while_loop, METH_O, nullptr},
    {"_scan", scan, METH_VARARGS, nullptr},
    {"_while_loop_back", by_name, METH_VARARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_bodies(PyObject* module) { return PyModule_AddFunctions(module, kFunctions) == 0; }

}  // namespace fj::bind
