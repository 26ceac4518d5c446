"""What `torch.testing` has beside framejit.testing."""

from ._file_check import FileCheck
