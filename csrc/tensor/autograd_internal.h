// Parts that the tape's files share.
#pragma once
#include "tensor/autograd.h"

namespace fj::tape {

// A node that takes a gradient of the view `t` to a gradient of its base.
NodeRef view_node(TensorObj* t);
// The place in the order of recording that the next node gets.
uint64_t next_sequence_number();
// After a write through the view `t` that `node` describes: the base gets a node that runs it on its part.
void rebase_view(TensorObj* t, NodeRef node, const Edge& self_edge);
void run_node_pre_hooks(Node& n, std::vector<TensorRef>& grads);
void run_node_post_hooks(Node& n, Outs& inputs, const std::vector<TensorRef>& outputs);
void run_post_accumulate_hooks(TensorObj* leaf);
// save_input in two steps: as the tensor is, then through the hooks.
Saved describe_input(TensorObj* t);
void pack(Saved& s);
// Anomaly mode (autograd_anomaly.cpp): a new node notes the stack; a failed one warns with it; NaNs raise.
void note_stack(NodeObj* node);
void tell_anomaly(Node& n);
void check_nan(Node& n, const Outs& grads);

// Gradients that are sparse (autograd_sparse.cpp).
bool is_sparse(TensorObj* t);
TensorRef sum_of(const TensorRef& a, const TensorRef& b);
TensorRef detached(const TensorRef& sparse);
TensorRef dense(const TensorRef& sparse);

}  // namespace fj::tape
