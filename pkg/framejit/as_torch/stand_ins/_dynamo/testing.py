"""torch._dynamo.testing"""

three = 3
