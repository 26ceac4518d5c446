"""functorch.experimental"""
