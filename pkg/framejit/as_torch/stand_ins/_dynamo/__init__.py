"""What `torch._dynamo` has beside framejit.dynamo: PyTorch's places of names that framejit has elsewhere."""
