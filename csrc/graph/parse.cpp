// Reads the text that print.cpp describes. Declared metas of nodes must agree with the ops' rules in sizes and dtype.
#include <cstdlib>
#include <unordered_map>

#include "graph/graph.h"
#include "graph/text.h"

namespace fj::graph {
namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), graph_(std::make_unique<Graph>()) {}

  std::unique_ptr<Graph> run() {
    expect("graph");
    expect("(");
    while (!accept(")")) {
      std::string name = value_name();
      expect(":");
      define(name, graph_->add_input(meta(), name));
      accept(",");
    }
    graph_->functional = accept("functional");
    expect("{");
    while (!accept("return")) {
      if (accept("write"))
        write();
      else
        node();
    }
    while (!accept("}")) {
      graph_->add_output(use());
      accept(",");
    }
    return std::move(graph_);
  }

 private:
  [[noreturn]] void fail(std::string_view what) {
    size_t line = 1;
    for (size_t i = 0; i < at_ && i < text_.size(); ++i) line += text_[i] == '\n';
    raise(ErrorKind::Value, "graph text, line ", line, ": ", what);
  }

  void skip() {
    while (at_ < text_.size()) {
      char c = text_[at_];
      if (c == '#')
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      else if (c == ' ' || c == '\n' || c == '\t' || c == '\r')
        ++at_;
      else
        break;
    }
  }
  static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  }

  bool accept(std::string_view token) {
    skip();
    if (text_.substr(at_, token.size()) != token) return false;
    if (is_word(token.back()) && at_ + token.size() < text_.size() && is_word(text_[at_ + token.size()])) return false;
    at_ += token.size();
    return true;
  }
  void expect(std::string_view token) {
    if (!accept(token)) fail(cat("expected '", token, "'"));
  }
  char peek() {
    skip();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  std::string word() {
    skip();
    size_t from = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    if (from == at_) fail("expected a name");
    return std::string(text_.substr(from, at_ - from));
  }
  std::string value_name() {
    expect("%");
    return word();
  }
  void define(const std::string& name, Value* v) {
    if (!values_.emplace(name, v).second) fail(cat("%", name, " is defined twice"));
    v->name = name;
  }
  Value* use() {
    std::string name = value_name();
    auto it = values_.find(name);
    if (it == values_.end()) fail(cat("%", name, " is not defined"));
    return it->second;
  }

  int64_t integer() {
    skip();
    char* end;
    std::string copy(text_.substr(at_, 32));
    int64_t v = std::strtoll(copy.c_str(), &end, 10);
    if (end == copy.c_str()) fail("expected an integer");
    at_ += static_cast<size_t>(end - copy.c_str());
    return v;
  }

  TensorMeta meta() {
    DType t;
    std::string name = word();
    if (!parse_dtype(name, &t)) fail(cat("no dtype ", name));
    Shape sizes, strides;
    expect("[");
    while (!accept("]")) {
      if (accept(";")) {
        while (peek() != ']') {
          strides.push_back(integer());
          accept(",");
        }
        continue;
      }
      sizes.push_back(integer());
      accept(",");
    }
    TensorMeta m = make_meta(sizes, t);
    if (!strides.empty()) m.strides = strides;
    if (m.strides.size() != m.sizes.size()) fail("as many strides as sizes are needed");
    if (accept("@")) m.offset = integer();
    m.requires_grad = accept("grad");
    return m;
  }

  void write() {
    Value* target = use();
    expect("=");
    Value* value = use();
    graph_->writes.push_back({target, value});
  }

  void node() {
    std::vector<std::string> names;
    std::vector<TensorMeta> metas;
    while (peek() == '%') {
      names.push_back(value_name());
      expect(":");
      metas.push_back(meta());
      accept(",");
    }
    if (!names.empty()) expect("=");
    std::string op_name = word();
    const OpDef* op = find_op(op_name);
    if (!op) fail(cat("no op ", op_name));
    Node* n = graph_->add_node(*op, arguments(*op));
    n->no_grad = accept("no_grad");
    if (n->outs.size() != names.size()) fail(cat(op_name, " has ", n->outs.size(), " results"));
    for (size_t i = 0; i < names.size(); ++i) {
      Value& v = *n->outs[i];
      if (!(v.sizes == metas[i].sizes) || v.dtype != metas[i].dtype)
        fail(cat("%", names[i], " is ", meta_text(v), " by the rule of ", op_name));
      static_cast<TensorMeta&>(v) = metas[i];
      define(names[i], &v);
    }
  }

  ArgVec arguments(const OpDef& op) {
    ArgVec args;
    std::vector<bool> given(op.args.size(), false);
    for (const ArgDef& a : op.args) args.push_back(a.def);
    size_t position = 0;
    expect("(");
    while (!accept(")")) {
      size_t i = position++, start = at_;
      skip();
      // name=value
      size_t p = at_;
      while (p < text_.size() && is_word(text_[p])) ++p;
      if (p > at_ && p < text_.size() && text_[p] == '=') {
        int found = op.arg_index(text_.substr(at_, p - at_));
        if (found < 0) fail(cat(op.full_name, " has no argument ", text_.substr(at_, p - at_)));
        i = static_cast<size_t>(found);
        at_ = p + 1;
      }
      (void)start;
      if (i >= op.args.size()) fail(cat(op.full_name, " takes ", op.args.size(), " arguments"));
      args[i] = argument(op.args[i]);
      given[i] = true;
      accept(",");
    }
    for (size_t i = 0; i < op.args.size(); ++i)
      if (!given[i] && !op.args[i].has_default) fail(cat(op.full_name, " needs argument ", op.args[i].name));
    return args;
  }

  Arg argument(const ArgDef& def) {
    char c = peek();
    if (c == '%') return Arg(Val{use()});
    if (c == '[') return list(def);
    if (c == '\'') return Arg(quoted());
    if (accept("None")) return Arg();
    if (accept("True")) return Arg(true);
    if (accept("False")) return Arg(false);
    if (accept("contiguous_format")) return Arg(MemoryFormat::Contiguous);
    if (accept("preserve_format")) return Arg(MemoryFormat::Preserve);
    if (accept("channels_last_3d")) return Arg(MemoryFormat::ChannelsLast3d);
    if (accept("channels_last")) return Arg(MemoryFormat::ChannelsLast);
    if (accept("device")) return Arg(Device{});
    if (c == 'i' || c == 'n' || c == '-' || c == '+' || (c >= '0' && c <= '9')) {
      if (Arg number; try_number(&number)) return number;
    }
    DType t;
    std::string name = word();
    if (!parse_dtype(name, &t)) fail(cat("cannot read ", name));
    return Arg(t);
  }

  bool try_number(Arg* out) {
    skip();
    std::string copy(text_.substr(at_, 64));
    char* end_int;
    char* end_float;
    int64_t i = std::strtoll(copy.c_str(), &end_int, 10);
    double d = std::strtod(copy.c_str(), &end_float);
    if (end_float == copy.c_str() || is_word(*end_float)) return false;
    at_ += static_cast<size_t>(end_float - copy.c_str());
    *out = end_int == end_float ? Arg(i) : Arg(d);
    return true;
  }

  std::string quoted() {
    expect("'");
    size_t end = text_.find('\'', at_);
    if (end == std::string_view::npos) fail("string without an end");
    std::string s(text_.substr(at_, end - at_));
    at_ = end + 1;
    return s;
  }

  Arg list(const ArgDef& def) {
    expect("[");
    if (def.type == ArgType::TensorList || def.type == ArgType::OptTensorList) {
      SmallVec<Val, 8> vals;
      while (!accept("]")) {
        vals.push_back(accept("None") ? Val{} : Val{use()});
        accept(",");
      }
      return Arg::tensors(vals);
    }
    std::vector<double> floats;
    SmallVec<int64_t, 6> ints;
    while (!accept("]")) {
      Arg n;
      if (accept("True"))
        n = Arg(1);
      else if (accept("False"))
        n = Arg(0);
      else if (!try_number(&n))
        fail("expected a number");
      floats.push_back(n.as_double());
      ints.push_back(n.as_int());
      accept(",");
    }
    if (def.type == ArgType::FloatList) return Arg::floats(floats);
    return def.type == ArgType::BoolList ? Arg::bools(ints) : Arg::ints(ints);
  }

  std::string_view text_;
  size_t at_ = 0;
  std::unique_ptr<Graph> graph_;
  std::unordered_map<std::string, Value*> values_;
};

}  // namespace

std::unique_ptr<Graph> parse(std::string_view text) {
  auto g = Parser(text).run();
  verify(*g);
  return g;
}

}  // namespace fj::graph
