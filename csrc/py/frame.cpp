// FrameView and FrameLink. Running frames is in frame_run.cpp.
#include "py/frame_abi.h"  // first: it defines Py_BUILD_CORE before Python.h

#include <algorithm>
#include <cstring>
#include <span>

#include "py/error.h"
#include "py/frame.h"

namespace fj::py {

FrameView::FrameView(PyThreadState* ts, _PyInterpreterFrame* frame, const Code& decoded)
    : ts_(ts),
      frame_(frame),
      slots_(frame->localsplus),
      code_(abi::code_of(frame)),
      decoded_(&decoded),
      nlocals_(code_->co_nlocalsplus) {}

PyFunctionObject* FrameView::function() const { return reinterpret_cast<PyFunctionObject*>(abi::function_of(frame_)); }
PyObject* FrameView::globals() const { return frame_->f_globals; }
PyObject* FrameView::builtins() const { return frame_->f_builtins; }

void FrameView::sync_depth() { frame_->stacktop = nlocals_ + depth_; }

void FrameView::set_local(int i, Ref value) {
  Ref old = Ref::steal(slots_[i]);
  slots_[i] = value.release();
}

void FrameView::set_stack(int i, Ref value) { set_local(nlocals_ + i, std::move(value)); }

void FrameView::push(Ref value) {
  slots_[nlocals_ + depth_++] = value.release();
  sync_depth();
}

Ref FrameView::pop() {
  --depth_;
  sync_depth();
  return Ref::steal(slots_[nlocals_ + depth_]);
}

void FrameView::cut_stack(int depth) {
  while (depth_ > depth) pop();
}

void FrameView::fill(std::vector<Ref> locals, std::vector<Ref> stack) {
  const auto exchange_slot = [](PyObject*& slot, Ref& value) {
    PyObject* const before = slot;
    slot = value.release();
    value = Ref::steal(before);
  };
  const auto depth = static_cast<int>(stack.size());
  if (depth < depth_) stack.resize(static_cast<size_t>(depth_));
  for (int i = depth_; i < depth; ++i) slots_[nlocals_ + i] = nullptr;
  for (int i = 0; i < nlocals_; ++i) exchange_slot(slots_[i], locals[static_cast<size_t>(i)]);
  for (size_t i = 0; i < stack.size(); ++i) exchange_slot(slots_[static_cast<size_t>(nlocals_) + i], stack[i]);
  depth_ = depth;
  sync_depth();
}

void FrameView::exchange(PyObject** values, size_t depth) {
  const size_t n = room(depth), used = static_cast<size_t>(nlocals_) + depth,
               before = static_cast<size_t>(nlocals_ + depth_);
  for (size_t i = 0; i < n; ++i) {
    PyObject* old = i < before ? slots_[i] : nullptr;
    if (i < used) slots_[i] = values[i];
    values[i] = old;
  }
  depth_ = static_cast<int>(depth);
  sync_depth();
}

size_t FrameView::put(std::span<const int32_t> slots, PyObject** values, size_t depth) {
  size_t n = 0;
  for (int32_t slot : slots) {
    PyObject* const old = slots_[slot];
    Py_XINCREF(values[n]);
    slots_[slot] = values[n];
    values[n++] = old;
  }
  PyObject** const stack = slots_ + nlocals_;
  const auto before = static_cast<size_t>(depth_);
  for (size_t i = 0; i < depth; ++i) {
    PyObject* const old = i < before ? stack[i] : nullptr;
    Py_XINCREF(values[n]);
    stack[i] = values[n];
    values[n++] = old;
  }
  for (size_t i = depth; i < before; ++i) values[n++] = stack[i];
  depth_ = static_cast<int>(depth);
  sync_depth();
  return n;
}

void FrameView::replace_top(int depth, Ref value) {
  PyObject** const stack = slots_ + nlocals_;
  const int before = depth_;
  const Ref first = Ref::steal(stack[depth]);
  stack[depth] = value.release();
  depth_ = depth + 1;
  sync_depth();
  for (int i = depth + 1; i < before; ++i) Py_XDECREF(stack[i]);
}

void FrameView::run_prologue() {
  const auto kinds = decoded_->local_kinds();
  PyObject* closure = function()->func_closure;
  const int first_free = nlocals_ - code_->co_nfreevars;
  for (int i = 0; i < nlocals_; ++i) {
    const LocalKind kind = kinds[static_cast<size_t>(i)];
    if (kind == LocalKind::kFast) continue;
    if (kind == LocalKind::kFree) {
      set_local(i, Ref::borrow(PyTuple_GET_ITEM(closure, i - first_free)));
    } else {
      set_local(i, check(PyCell_New(local(i))));
    }
  }
}

bool FrameView::stand_at_next() {
  index_ = abi::next_index(frame_, code_);
  if (index_ < 0 || index_ >= decoded_->units()) return false;
  const Instr& in = decoded_->at(index_);
  if (in.index != index_ || !in.resumable || decoded_->in_handler(index_)) return false;
  depth_ = decoded_->depth(index_);
  return frame_->stacktop == nlocals_ + depth_;
}

void FrameView::show(int index) { abi::set_current(frame_, code_, index); }

FrameLink::FrameLink(FrameView& view, int index) : view_(view), ok_(abi::enter_recursion(view.ts_)) {
  if (!ok_) return;
  abi::set_current(view_.frame_, view_.code_, index);
#if PY_VERSION_HEX < 0x030D0000
  abi::link(view_.ts_, view_.frame_, cframe_);
#else
  abi::LinkState state;
  abi::link(view_.ts_, view_.frame_, state);
#endif
}

FrameLink::~FrameLink() {
  if (!ok_) return;
#if PY_VERSION_HEX < 0x030D0000
  abi::unlink(view_.ts_, view_.frame_, cframe_);
#else
  abi::LinkState state;
  abi::unlink(view_.ts_, view_.frame_, state);
#endif
  abi::leave_recursion(view_.ts_);
}

}  // namespace fj::py
