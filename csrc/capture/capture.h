// The entrance of the room: trace one entry point and hand back its segment.
#pragma once
#include <Python.h>

#include <memory>

#include "capture/program.h"
#include "capture/segment.h"
#include "guard/guard.h"

namespace fj::capture {

// The state at an entry point. Offset 0 is the call itself: locals hold the bound arguments, everything else NULL, the
// stack is empty and cells have not been made. A continuation has the frame as it stands there.
struct EntryPoint {
  PyFunctionObject* function = nullptr;
  PyCodeObject* code = nullptr;
  int offset = 0;
  guard::Entry values;
};

// Never throws and leaves no Python error. The segment may be one that does nothing but resume (nothing to capture).
// Sources are added to `tree.sources()`; the caller inserts the segment's guards into the tree.
std::unique_ptr<Segment> trace(const EntryPoint& entry, guard::Tree& tree, const CompileOptions& options);

// Are these the globals of framejit.func's transformations? Such a function is one instruction to exits, and CPython
// runs it as it is where it cannot be captured: inside it tensors are batched, or tracked for a derivative that only it
// asks for.
bool is_transformation(PyObject* globals);
void add_transformations(PyObject* globals);

}  // namespace fj::capture
