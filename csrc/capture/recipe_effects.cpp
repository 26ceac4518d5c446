// What the code of a segment wrote to things from outside, as effects on them at the exit (recipes.h).
#include "capture/recipes.h"

#include "capture/builtins.h"

namespace fj::capture {

void RecipeWriter::set_item(V target, const DictValue::Write& w) {
  const auto& path = t_.tree.sources()[target->source];
  const RecipeId value = of(w.value);
  const bool attribute =
      path.step == Step::InstanceDict && w.key && w.key->is == Is::Const && PyUnicode_Check(w.key->real);
  if (!attribute) {
    if (!w.key)
      s_.effects.push_back({Do::Clear, of(target)});
    else
      s_.effects.push_back({w.value ? Do::SetItem : Do::DelItem, of(target), of(w.key), value});
    return;
  }
  s_.effects.push_back({w.value ? Do::SetAttr : Do::DelAttr, source(path.parent), constant(w.key->real), value});
}

void RecipeWriter::effects_of(V v) {
  switch (v->is) {
    case Is::List: {
      if (!v->touched) {
        for (V item : as<ListValue>(v)->items) s_.effects.push_back({Do::Append, of(v), kNoRecipe, of(item)});
        break;
      }
      auto* copy = t_.list(as<ListValue>(v)->items);
      const bool same_places = is_deque(v) && !as<ListValue>(v)->writes;
      s_.effects.push_back({Do::SetList, of(v), same_places ? of(t_.boolean(true)) : kNoRecipe, of(copy)});
      break;
    }
    case Is::Set:
      s_.effects.push_back({Do::SetSet, of(v), kNoRecipe, parts(Make::Set, set_items(as<SetValue>(v)))});
      break;
    case Is::Dict:
      for (auto& w : as<DictValue>(v)->writes) set_item(v, w);
      break;
    case Is::Cell: s_.effects.push_back({Do::SetCell, of(v), kNoRecipe, of(as<CellValue>(v)->contents)}); break;
    case Is::Object:
      for (auto& [descr, value] : as<ObjectValue>(v)->slot_writes) {
        const RecipeId name = constant(reinterpret_cast<PyMemberDescrObject*>(descr)->d_common.d_name);
        s_.effects.push_back({value ? Do::SetAttr : Do::DelAttr, of(v), name, of(value)});
      }
      break;
    case Is::Function:
      for (auto& [name, value] : as<FunctionValue>(v)->members)
        s_.effects.push_back({Do::SetAttr, of(v), constant(name), of(value)});
      break;
    default: throw CannotRebuild{v->born, v->cls->tp_name};
  }
}

// What they go over is as it was when they were looked into.
void RecipeWriter::advance_iterators() {
  for (size_t i = 0; i < t_.outside_values().size(); ++i) {
    V v = t_.outside_values()[i];
    if (!v->changed || v->is != Is::Iterator) continue;
    auto* it = as<IteratorValue>(v);
    if (it->how == Iter::Enumerate) s_.effects.push_back({Do::SetCount, of(v), kNoRecipe, of(it->count)});
    if (it->how == Iter::Peek)
      s_.effects.push_back({Do::Advance, of(v), constant(t_.keep(Ref::steal(PyLong_FromLongLong(it->at))))});
  }
}

void RecipeWriter::effects() {
  advance_iterators();
  for (auto& w : t_.class_writes)
    s_.effects.push_back({Do::SetAttr, constant(w.cls->real), constant(w.name), of(w.value)});
  for (size_t i = 0; i < t_.outside_values().size(); ++i)
    if (t_.outside_values()[i]->changed && t_.outside_values()[i]->is != Is::Iterator)
      effects_of(t_.outside_values()[i]);
  for (size_t i = 0; i < t_.outside_values().size(); ++i) {
    V v = t_.outside_values()[i];
    if (v->is != Is::Tensor || !as<TensorValue>(v)->grad_changed) continue;
    s_.effects.push_back({Do::SetAttr, of(v), constant(FJ_NAME("grad")), of(as<TensorValue>(v)->grad)});
  }
  for (V made : t_.made_for_effect) of(made);
  for (V call : t_.late_calls) s_.effects.push_back({Do::Call, of(call)});
}

}  // namespace fj::capture
