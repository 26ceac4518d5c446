"""torch.autograd: modules that framejit groups otherwise."""
