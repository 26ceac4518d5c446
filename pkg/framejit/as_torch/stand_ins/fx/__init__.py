"""What `torch.fx` has beside framejit.fx."""
