"""torch._dynamo.backends"""
