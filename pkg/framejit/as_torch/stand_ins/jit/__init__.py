"""torch.jit"""
