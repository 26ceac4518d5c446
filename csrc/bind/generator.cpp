#include "bind/generator.h"

#include <cstring>
#include <sstream>
#include <unordered_map>

#include "bind/create.h"
#include "bind/module.h"
#include "bind/tensor_type.h"

namespace fj::bind {
namespace {

struct GeneratorObj {
  PyObject_HEAD RandomStream* stream;
  bool owned;
};
PyTypeObject type = {PyVarObject_HEAD_INIT(nullptr, 0)};
RandomStream& get(PyObject* o) { return *reinterpret_cast<GeneratorObj*>(o)->stream; }

// Those that own their streams.
std::unordered_map<const void*, PyObject*>& owners() {
  static auto* map = new std::unordered_map<const void*, PyObject*>;
  return *map;
}

PyObject* make(RandomStream* stream, bool owned) {
  GeneratorObj* o = PyObject_New(GeneratorObj, &type);
  if (o) {
    o->stream = stream;
    o->owned = owned;
    if (owned) owners()[stream] = reinterpret_cast<PyObject*>(o);
  }
  return reinterpret_cast<PyObject*>(o);
}
PyObject* generator_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"device", nullptr};
  PyObject* device = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:Generator", const_cast<char**>(names), &device)) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    Device d;
    FJ_USER_CHECK(!device || (as_device(device, &d) && d.type == DeviceType::CPU), ErrorKind::Runtime,
                  "framejit has random streams on the CPU only");
    return make(new RandomStream(), true);
  });
}
void dealloc(PyObject* o) {
  if (reinterpret_cast<GeneratorObj*>(o)->owned) {
    owners().erase(&get(o));
    delete &get(o);
  }
  PyObject_Free(o);
}

// Any Python integer that 64 bits hold, negative ones wrapping around.
bool parse_seed(PyObject* o, uint64_t* out) {
  py::Ref n = py::Ref::steal(PyNumber_Index(o));
  if (!n) return false;
  int overflow = 0;
  int64_t v = PyLong_AsLongLongAndOverflow(n.get(), &overflow);
  if (!overflow) {
    *out = static_cast<uint64_t>(v);
    return !(v == -1 && PyErr_Occurred());
  }
  if (overflow > 0) *out = PyLong_AsUnsignedLongLong(n.get());
  if (overflow > 0 && !PyErr_Occurred()) return true;
  PyErr_SetString(PyExc_ValueError, "Overflow when unpacking long long");
  return false;
}

PyObject* seeded(RandomStream& s, PyObject* seed, PyObject* result) {
  uint64_t v = 0;
  if (!parse_seed(seed, &v)) return nullptr;
  s.seed(v);
  return Py_NewRef(result);
}

uint64_t fresh_seed() {
  std::random_device device;
  return static_cast<uint64_t>(device()) << 32 | device();
}

// State as bytes of text: seed, engine, the kept normal number.
TensorRef state_of(RandomStream& s) {
  std::ostringstream text;
  text.precision(17);
  text << s.initial_seed() << ' ' << s.has_normal_ << ' ' << s.next_normal_ << ' ' << s.engine();
  std::string bytes = text.str();
  TensorRef t = empty(Shape{static_cast<Dim>(bytes.size())}, DType::U8);
  std::memcpy(data_of(t.get()), bytes.data(), bytes.size());
  return t;
}
void set_state_of(RandomStream& s, PyObject* o) {
  FJ_USER_CHECK(is_tensor(o) && as_tensor(o)->meta.dtype == DType::U8 && as_tensor(o)->meta.is_contiguous(),
                ErrorKind::Type, "RNG state must be a framejit.ByteTensor");
  std::istringstream text(
      std::string(reinterpret_cast<char*>(data_of(as_tensor(o))), static_cast<size_t>(as_tensor(o)->meta.numel())));
  RandomStream fresh;
  uint64_t seed = 0;
  text >> seed;
  fresh.seed(seed);
  text >> fresh.has_normal_ >> fresh.next_normal_ >> fresh.engine();
  FJ_USER_CHECK(!text.fail(), ErrorKind::Runtime, "RNG state is wrong size");
  s = fresh;
}

PyObject* manual_seed(PyObject* self, PyObject* seed) { return seeded(get(self), seed, self); }
PyObject* initial_seed(PyObject* self, PyObject*) { return PyLong_FromUnsignedLongLong(get(self).initial_seed()); }
PyObject* seed_method(PyObject* self, PyObject*) {
  get(self).seed(fresh_seed());
  return initial_seed(self, nullptr);
}
PyObject* get_state(PyObject* self, PyObject*) {
  return py::guarded<PyObject*>(nullptr, [&] { return wrap(state_of(get(self))); });
}
PyObject* set_state(PyObject* self, PyObject* state) {
  return py::guarded<PyObject*>(nullptr, [&] {
    set_state_of(get(self), state);
    return Py_NewRef(self);
  });
}
PyObject* device_of(PyObject*, void*) { return new_device(Device{}); }

PyMethodDef methods[] = {
    {"manual_seed", manual_seed, METH_O, "Starts the stream anew from a seed."},
    {"initial_seed", initial_seed, METH_NOARGS, "The seed that the stream started from."},
    {"seed", seed_method, METH_NOARGS, "Starts the stream from a seed that the system gives, and returns it."},
    {"get_state", get_state, METH_NOARGS, "The state as a uint8 tensor."},
    {"set_state", set_state, METH_O, "Goes back to a state."},
    {nullptr, nullptr, 0, nullptr},
};
PyGetSetDef getset[] = {{"device", device_of, nullptr, "Where the numbers are made.", nullptr},
                        {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyObject* default_object = nullptr;
PyObject* global_manual_seed(PyObject*, PyObject* seed) { return seeded(default_stream(), seed, default_object); }
PyObject* global_initial_seed(PyObject*, PyObject*) {
  return PyLong_FromUnsignedLongLong(default_stream().initial_seed());
}
PyObject* global_seed(PyObject*, PyObject*) { return seed_method(default_object, nullptr); }
PyObject* get_rng_state(PyObject*, PyObject*) { return get_state(default_object, nullptr); }
PyObject* set_rng_state(PyObject*, PyObject* state) {
  py::Ref r = py::Ref::steal(set_state(default_object, state));
  return r ? Py_NewRef(Py_None) : nullptr;
}
PyMethodDef functions[] = {
    {"manual_seed", global_manual_seed, METH_O, R"doc(Starts the default random stream anew from a seed.

seed (int). Gives the Generator. Raises TypeError for other types.

>>> import framejit
>>> _ = framejit.manual_seed(7)
>>> x = framejit.rand(1)
>>> _ = framejit.manual_seed(7)
>>> bool((framejit.rand(1) == x).all())
True
)doc"},
    {"initial_seed", global_initial_seed, METH_NOARGS, R"doc(The seed of the default random stream.

>>> import framejit
>>> _ = framejit.manual_seed(7)
>>> framejit.initial_seed()
7
)doc"},
    {"seed", global_seed, METH_NOARGS,
     R"doc(Starts the default stream from a seed that the system gives, and returns it.

>>> import framejit
>>> isinstance(framejit.seed(), int)
True
)doc"},
    {"get_rng_state", get_rng_state, METH_NOARGS, R"doc(The default stream's state.

A tensor of uint8.

>>> import framejit
>>> framejit.get_rng_state().dtype
framejit.uint8
)doc"},
    {"set_rng_state", set_rng_state, METH_O, R"doc(Sets the default stream's state.

new_state (Tensor): of uint8, as get_rng_state gives it. Raises TypeError for others.

>>> import framejit
>>> framejit.set_rng_state(framejit.get_rng_state())
)doc"},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool is_generator(PyObject* o) { return Py_TYPE(o) == &type; }
PyObject* generator_with(const void* stream) {
  auto it = owners().find(stream);
  return it == owners().end() ? nullptr : it->second;
}
RandomStream* generator_of(PyObject* o) { return &get(o); }

bool init_generator(PyObject* module) {
  type.tp_name = "framejit.Generator";
  type.tp_basicsize = sizeof(GeneratorObj);
  type.tp_flags = Py_TPFLAGS_DEFAULT;
  type.tp_new = generator_new;
  type.tp_dealloc = dealloc;
  type.tp_methods = methods;
  type.tp_getset = getset;
  type.tp_doc = R"doc(A stream of random numbers.

Generator(device: device or str = "cpu"). Raises RuntimeError for other devices.

>>> import framejit
>>> stream = framejit.Generator().manual_seed(7)
>>> x = framejit.rand(2, generator=stream)
>>> bool((framejit.rand(2, generator=stream.manual_seed(7)) == x).all())
True
)doc";
  if (PyType_Ready(&type) < 0) return false;
  default_object = make(&default_stream(), false);
  return default_object && PyModule_AddObjectRef(module, "default_generator", default_object) == 0 &&
         PyModule_AddObjectRef(module, "Generator", reinterpret_cast<PyObject*>(&type)) == 0 &&
         PyModule_AddFunctions(module, functions) == 0;
}

}  // namespace fj::bind
