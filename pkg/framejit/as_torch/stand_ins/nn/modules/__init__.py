"""torch.nn.modules: modules that framejit groups otherwise."""
