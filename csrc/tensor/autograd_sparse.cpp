// Sparse gradients. A sparse tensor is a Python object over no memory (pkg/framejit/sparse): what the engine does with
// two gradients, it leaves to Python where one of them is sparse.
#include "ops/calls.h"
#include "py/error.h"
#include "tensor/autograd_internal.h"

namespace fj::tape {
namespace {

PyTypeObject* sparse_type = nullptr;  // null until framejit.sparse is imported

TensorRef tensor_of_call(PyObject* result) {
  py::Ref r = py::check(result);
  FJ_USER_CHECK(is_tensor(r.get()), ErrorKind::Type, "expected a Tensor as a gradient, but got ",
                Py_TYPE(r.get())->tp_name);
  return TensorRef::borrow(as_tensor(r.get()));
}

}  // namespace

void set_sparse_type(PyTypeObject* type) {
  Py_INCREF(type);  // for ever, as its module lives
  sparse_type = type;
}

bool is_sparse(TensorObj* t) { return sparse_type && Py_TYPE(as_object(t)) == sparse_type; }

TensorRef sum_of(const TensorRef& a, const TensorRef& b) {
  if (!is_sparse(a.get()) && !is_sparse(b.get()))
    return call1(OpId::add, {Arg(a.val()), Arg(b.val()), Arg(int64_t{1})});
  const bool swap = is_sparse(a.get()) && !is_sparse(b.get());  // dense + sparse is dense; the other way is refused
  return tensor_of_call(PyNumber_Add(as_object((swap ? b : a).get()), as_object((swap ? a : b).get())));
}

TensorRef detached(const TensorRef& sparse) {
  return tensor_of_call(PyObject_CallMethod(as_object(sparse.get()), "detach", nullptr));
}

TensorRef dense(const TensorRef& sparse) {
  return tensor_of_call(PyObject_CallMethod(as_object(sparse.get()), "to_dense", nullptr));
}

}  // namespace fj::tape
