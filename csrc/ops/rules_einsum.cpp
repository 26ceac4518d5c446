// einsum: operands are contracted from left to right, two at a time. A subscript is a small number: letters first, then
// the dimensions that `...` stands for.
#include "ops/rules_util.h"

namespace fj {
namespace {

constexpr int kLetters = 52, kLabels = kLetters + 16;
using Labels = SmallVec<int, 8>;

struct Operand {
  Val v;
  Labels labels;  // one a dimension, no repeats once `diagonals` ran
};

struct Equation {
  std::vector<Labels> inputs;
  Labels output;
};

int label_of(char ch) { return ch >= 'a' && ch <= 'z' ? ch - 'a' + 26 : ch >= 'A' && ch <= 'Z' ? ch - 'A' : -1; }
char letter_of(int label) { return static_cast<char>(label < 26 ? 'A' + label : 'a' + label - 26); }
bool has(const Labels& s, int label) { return std::find(s.begin(), s.end(), label) != s.end(); }

// Reads the subscripts of one operand; `rank` < 0 for the output. `...` becomes `dots` labels (operands: as many as
// remain).
Labels read_term(std::string_view text, size_t at, int64_t rank, int64_t* dots, size_t operand) {
  Labels before, after;
  bool seen_dots = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ') continue;
    if (text[i] == '.') {
      FJ_USER_CHECK(!seen_dots && text.substr(i, 3) == "...", ErrorKind::Runtime, "einsum(): found '.' for operand ",
                    operand, " for which an ellipsis was already found or that is not part of any ellipsis");
      seen_dots = true;
      i += 2;
      continue;
    }
    int label = label_of(text[i]);
    FJ_USER_CHECK(label >= 0, ErrorKind::Runtime, "einsum(): invalid subscript given at index ", at + i,
                  " in the equation string, subscripts must be in [a-zA-Z]");
    (seen_dots ? after : before).push_back(label);
  }
  int64_t named = static_cast<int64_t>(before.size() + after.size());
  if (rank >= 0) {
    FJ_USER_CHECK(
        seen_dots ? named <= rank : named == rank, ErrorKind::Runtime,
        "einsum(): the number of subscripts in the equation (", named,
        seen_dots ? ") is more than the number of dimensions (" : ") does not match the number of dimensions (", rank,
        ") for operand ", operand, seen_dots ? "" : " and no ellipsis was given");
    *dots = seen_dots ? rank - named : 0;
  }
  Labels out = before;
  for (int64_t i = 0; seen_dots && i < *dots; ++i)
    out.push_back(kLabels - static_cast<int>(*dots - i));  // aligned at the right
  for (int l : after) out.push_back(l);
  return out;
}

// Without an arrow: the ellipsis, then every letter that occurs once, in order.
Labels implicit_output(const std::vector<Labels>& inputs, int64_t dots) {
  int count[kLabels] = {};
  for (const Labels& in : inputs)
    for (int l : in) ++count[l];
  Labels out;
  for (int64_t i = 0; i < dots; ++i) out.push_back(kLabels - static_cast<int>(dots - i));
  for (int l = 0; l < kLetters; ++l)
    if (count[l] == 1) out.push_back(l);
  return out;
}

Equation read_equation(std::string_view text, std::span<const Val> tensors) {
  size_t arrow = text.find("->");
  std::string_view left = text.substr(0, arrow);
  Equation e;
  int64_t dots = 0;
  for (size_t begin = 0; begin <= left.size();) {
    size_t end = std::min(left.find(',', begin), left.size());
    size_t n = e.inputs.size();
    FJ_USER_CHECK(n < tensors.size(), ErrorKind::Runtime,
                  "einsum(): fewer operands were provided than specified in the equation");
    int64_t own = 0;
    e.inputs.push_back(read_term(left.substr(begin, end - begin), begin, tensors[n]->dim(), &own, n));
    FJ_USER_CHECK(own <= kLabels - kLetters, ErrorKind::Runtime, "einsum(): too many dimensions in an ellipsis");
    dots = std::max(dots, own);
    begin = end + 1;
  }
  FJ_USER_CHECK(e.inputs.size() == tensors.size(), ErrorKind::Runtime,
                "einsum(): more operands were provided than specified in the equation");
  if (arrow == std::string_view::npos)
    e.output = implicit_output(e.inputs, dots);
  else
    e.output = read_term(text.substr(arrow + 2), arrow + 2, -1, &dots, 0);
  for (size_t i = 0; i < e.output.size(); ++i) {
    int l = e.output[i];
    bool known = l >= kLetters;
    for (const Labels& in : e.inputs) known = known || has(in, l);
    FJ_USER_CHECK(known, ErrorKind::Runtime, "einsum(): output subscript ", letter_of(l),
                  " does not appear in the equation for any input operand");
    FJ_USER_CHECK(std::find(e.output.begin(), e.output.begin() + i, l) == e.output.begin() + i, ErrorKind::Runtime,
                  "einsum(): output subscript ", letter_of(l), " appears more than once in the output");
  }
  return e;
}

void check_sizes(const Equation& e, std::span<const Val> tensors) {
  Dim size[kLabels];
  std::fill_n(size, kLabels, Dim{1});
  for (size_t n = 0; n < tensors.size(); ++n)
    for (size_t d = 0; d < e.inputs[n].size(); ++d) {
      int l = e.inputs[n][d];
      Dim s = tensors[n]->sizes[d];
      FJ_USER_CHECK(s == size[l] || s == 1 || size[l] == 1, ErrorKind::Runtime, "einsum(): subscript ",
                    l < kLetters ? letter_of(l) : '.', " has size ", s, " for operand ", n,
                    " which does not broadcast with previously seen size ", size[l]);
      if (s != 1) size[l] = s;
    }
}

// Repeated subscripts of one operand become their diagonal, which stands at the end.
Operand diagonals(Builder& b, Operand o) {
  for (size_t i = 0; i < o.labels.size(); ++i)
    for (size_t j = i + 1; j < o.labels.size(); ++j) {
      if (o.labels[i] != o.labels[j]) continue;
      int label = o.labels[i];
      o.v = t::diagonal(b, o.v, Arg(int64_t{0}), Arg(static_cast<int64_t>(i)), Arg(static_cast<int64_t>(j)));
      o.labels.erase(o.labels.begin() + j);
      o.labels.erase(o.labels.begin() + i);
      o.labels.push_back(label);
      return diagonals(b, std::move(o));
    }
  return o;
}

Operand sum_out(Builder& b, Operand o, const bool (&keep)[kLabels]) {
  SmallVec<int64_t, 6> dims;
  Labels left;
  for (size_t d = 0; d < o.labels.size(); ++d) {
    if (keep[o.labels[d]])
      left.push_back(o.labels[d]);
    else
      dims.push_back(static_cast<int64_t>(d));
  }
  if (dims.empty()) return o;
  return {t::sum(b, o.v, Arg::ints(dims), Arg(false), Arg(o.v->dtype)), left};
}

// Permutes to the order of `labels`; a label that `o` lacks becomes a dimension of size one, one that `labels` lacks
// must have size one and goes.
Val arrange(Builder& b, const Operand& full, const Labels& labels) {
  Operand o{full.v, {}};
  Shape kept;
  for (size_t d = 0; d < full.labels.size(); ++d)
    if (has(labels, full.labels[d])) o.labels.push_back(full.labels[d]), kept.push_back(full.v->sizes[d]);
  o.v = reshape_to(b, o.v, kept);
  SmallVec<int64_t, 6> order;
  Shape sizes;
  for (int l : labels) {
    auto at = std::find(o.labels.begin(), o.labels.end(), l) - o.labels.begin();
    if (at < static_cast<int64_t>(o.labels.size()))
      order.push_back(at), sizes.push_back(o.v->sizes[at]);
    else
      sizes.push_back(1);
  }
  return reshape_to(b, t::permute(b, o.v, Arg::ints(order)), sizes);
}

Dim size_of_label(const Operand& o, int label) {
  auto at = std::find(o.labels.begin(), o.labels.end(), label) - o.labels.begin();
  return at < static_cast<int64_t>(o.labels.size()) ? o.v->sizes[at] : 1;
}

// One contraction: labels that `keep` lacks and that both sides have at full size are contracted by bmm; a broadcast
// one is summed on its own side first.
Operand contract(Builder& b, Operand x, Operand y, const bool (&keep)[kLabels]) {
  Labels batch, only_x, only_y, inner;
  for (int l : x.labels) {
    bool shared = has(y.labels, l), both = shared && size_of_label(x, l) == size_of_label(y, l);
    if (both)
      (keep[l] ? batch : inner).push_back(l);
    else if (!shared || size_of_label(x, l) != 1)
      only_x.push_back(l);
  }
  for (int l : y.labels)
    if (!has(batch, l) && !has(inner, l) && !has(only_x, l)) only_y.push_back(l);
  auto drop_summed = [&](Operand& o, Labels& own) {
    bool stay[kLabels];
    std::copy_n(keep, kLabels, stay);
    for (int l : inner) stay[l] = true;
    for (int l : o.labels) stay[l] = stay[l] || !has(own, l);
    o = sum_out(b, o, stay);
    Labels left;
    for (int l : own)
      if (keep[l]) left.push_back(l);
    own = left;
  };
  drop_summed(x, only_x);
  drop_summed(y, only_y);
  Labels out = batch;
  for (int l : only_x) out.push_back(l);
  for (int l : only_y) out.push_back(l);
  if (inner.empty()) return {t::mul(b, arrange(b, x, out), arrange(b, y, out)), out};
  auto sizes_of = [](const Operand& o, const Labels& s) {
    Shape r;
    for (int l : s) r.push_back(size_of_label(o, l));
    return r;
  };
  auto joined = [](Labels s, const Labels& u, const Labels& w) {
    for (int l : u) s.push_back(l);
    for (int l : w) s.push_back(l);
    return s;
  };
  Shape sb = sizes_of(x, batch), sx = sizes_of(x, only_x), sy = sizes_of(y, only_y), si = sizes_of(x, inner);
  // Labels dropped from one side because the other broadcasts over them are gone from `arrange` too: they have size
  // one.
  Val xm = t::reshape(b, arrange(b, x, joined(batch, only_x, inner)), Shape{product(sb), product(sx), product(si)});
  Val ym = t::reshape(b, arrange(b, y, joined(batch, inner, only_y)), Shape{product(sb), product(si), product(sy)});
  Shape full = sb;
  for (Dim s : sx) full.push_back(s);
  for (Dim s : sy) full.push_back(s);
  return {t::reshape(b, t::bmm(b, xm, ym), full), out};
}

// Dimensions of size one that another operand broadcasts (or that a contraction would carry along) are dropped, so that
// a label stands for one size only.
Operand drop_ones(Builder& b, Operand o, const Labels& output) {
  Labels left;
  Shape sizes;
  for (size_t d = 0; d < o.labels.size(); ++d) {
    if (o.v->sizes[d] == 1 && !has(output, o.labels[d])) continue;
    left.push_back(o.labels[d]);
    sizes.push_back(o.v->sizes[d]);
  }
  return {reshape_to(b, o.v, sizes), left};
}

}  // namespace

void decompose_einsum(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {
  auto tensors = args[1].as_vals();
  FJ_USER_CHECK(!tensors.empty(), ErrorKind::Runtime, "einsum(): must provide at least one operand");
  Equation e = read_equation(args[0].as_str(), tensors);
  check_sizes(e, tensors);
  auto operand = [&](size_t i) { return drop_ones(b, diagonals(b, {tensors[i], e.inputs[i]}), e.output); };
  Operand acc = operand(0);
  for (size_t n = 1; n <= tensors.size(); ++n) {
    bool keep[kLabels] = {};
    for (int l : e.output) keep[l] = true;
    for (size_t later = n + 1; later < tensors.size(); ++later)
      for (int l : e.inputs[later]) keep[l] = true;
    if (n == tensors.size())
      acc = sum_out(b, acc, keep);
    else
      acc = contract(b, acc, operand(n), keep);
  }
  outs.push_back(arrange(b, acc, e.output));
}

}  // namespace fj
