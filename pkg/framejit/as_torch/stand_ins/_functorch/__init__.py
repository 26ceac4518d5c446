"""torch._functorch: of it, the switches."""
