#include "capture/asks.h"

#include "tensor/overrides.h"

namespace fj::capture {

namespace {

bool answers(Tracer& t, V v, int depth) {
  PyTypeObject* type = t.type_of(v);
  if (v->is != Is::Tuple && v->is != Is::List) return overrides::type_answers(type);
  if (depth == 0) return false;
  for (V item : unpack(t, v))
    if (answers(t, item, depth - 1)) return true;
  return false;
}

}  // namespace

V has_override(Tracer& t, Args& a) {
  for (V v : a.pos)
    if (answers(t, v, 2)) return t.boolean(true);
  return t.boolean(false);
}

V asks_any(Tracer& t, Args& a) {
  for (V v : a.pos) {
    if (v->is == Is::Dict) {
      for (auto& [key, value] : dict_items(t, as<DictValue>(v)))
        if (answers(t, value, 2)) return t.boolean(true);
    } else if (answers(t, v, 3)) {
      return t.boolean(true);
    }
  }
  return t.boolean(false);
}

}  // namespace fj::capture
