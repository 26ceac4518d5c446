// framejit._C._ModuleCall(function, hooks, through): the call of a compiled module without Python code on the way.
//
// `function` is what it stands for, a method written in Python (framejit/_compile_module.py); a module without hooks is
// called as that would call it, everything else is left to it. `hooks` is the namespace of the hooks that run for every
// module. The instance's __dict__ holds `module` and `forward`, or the object that does under the name `through`.
// Tracing sees the Python function.
#pragma once
#include <Python.h>

namespace fj::frame {

extern PyTypeObject* module_call_type;  // set by init_module_call
bool init_module_call();

}  // namespace fj::frame
