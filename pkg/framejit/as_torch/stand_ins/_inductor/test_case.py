"""torch._inductor.test_case"""

from framejit.dynamo.test_case import TestCase, run_tests
