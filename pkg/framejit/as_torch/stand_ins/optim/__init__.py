"""torch.optim: modules that framejit groups otherwise."""
