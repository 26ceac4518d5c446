// The Python half of nodes: types named after ops, and release without recursion.
#include <string_view>
#include <unordered_map>

#include "py/heap_type.h"
#include "tensor/autograd_internal.h"

namespace fj::tape {

PyTypeObject* node_type = nullptr;

namespace {

uint64_t next_sequence = 1;

// "MulBackward0" -> its type. Types live for ever, as ops do; there is one for each name.
PyTypeObject* type_named(const std::string& name) {
  static auto* types = new std::unordered_map<std::string, PyTypeObject*>();
  auto [it, fresh] = types->try_emplace(name, nullptr);
  if (!fresh) return it->second;
  auto* full = new std::string("framejit.autograd." + name);  // the type keeps a pointer into it
  PyType_Slot slots[] = {{0, nullptr}};
  PyType_Spec spec = {full->c_str(), sizeof(NodeObj), 0, Py_TPFLAGS_DEFAULT, slots};
  py::Ref bases = py::check(PyTuple_Pack(1, node_type));
  it->second = reinterpret_cast<PyTypeObject*>(py::check(PyType_FromSpecWithBases(&spec, bases.get())).release());
  return it->second;
}

// Nodes whose last reference went while another node was being freed. A chain of a million nodes is freed in a loop.
thread_local bool freeing = false;
thread_local std::vector<Node*>* doomed = nullptr;

void free_node(Node* node) {
  if (!doomed) doomed = new std::vector<Node*>();
  doomed->push_back(node);
  if (freeing) return;
  freeing = true;
  while (!doomed->empty()) {
    Node* n = doomed->back();
    doomed->pop_back();
    delete n;
  }
  freeing = false;
}

}  // namespace

uint64_t next_sequence_number() { return next_sequence; }

NodeHooks::~NodeHooks() {
  for (OnTensor& h : tensor_pre) Py_XDECREF(h.dict);
  for (Retained& r : retained) r.tensor->autograd->retains_grad = false;
  Py_XDECREF(pre);
  Py_XDECREF(post);
}

NodeRef wrap_node(std::unique_ptr<Node> node) {
  PyTypeObject* type = type_named(node->name());
  NodeObj* o = PyObject_GC_New(NodeObj, type);
  if (!o) throw std::bad_alloc();
  o->dict = o->weakrefs = nullptr;
  node->self = o;
  node->sequence = node->is_accumulate() ? UINT64_MAX : next_sequence++;
  o->node = node.release();
  PyObject_GC_Track(o);
  NodeRef ref = NodeRef::steal(o);
  if (__builtin_expect(anomaly.on, 0)) note_stack(o);
  return ref;
}

void node_dealloc(PyObject* self) {
  NodeObj* o = reinterpret_cast<NodeObj*>(self);
  PyObject_GC_UnTrack(self);
  if (o->weakrefs) PyObject_ClearWeakRefs(self);
  Py_CLEAR(o->dict);
  if (Node* n = std::exchange(o->node, nullptr)) free_node(n);
  py::free_object(self);
}

int node_traverse(PyObject* self, visitproc visit, void* arg) {
  NodeObj* o = reinterpret_cast<NodeObj*>(self);
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(o->dict);
  if (!o->node) return 0;
  for (Edge& e : o->node->next) Py_VISIT(reinterpret_cast<PyObject*>(e.node.get()));
  if (NodeHooks* h = o->node->hooks.get()) {
    for (auto& t : h->tensor_pre) Py_VISIT(t.dict);
    Py_VISIT(h->pre);
    Py_VISIT(h->post);
  }
  return o->node->traverse(visit, arg);
}

// Only a cycle through this node is cut: an unreachable node is not called again.
int node_clear(PyObject* self) {
  NodeObj* o = reinterpret_cast<NodeObj*>(self);
  Py_CLEAR(o->dict);
  if (!o->node) return 0;
  std::vector<Edge> next = std::move(o->node->next);
  std::unique_ptr<NodeHooks> hooks = std::move(o->node->hooks);
  o->node->release_saved();
  return 0;
}

}  // namespace fj::tape
