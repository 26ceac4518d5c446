"""What `torch.nn` has beside framejit.nn."""
