"""`ops adopt`: an environment file from what an account has, or a Solution's parameter file says.

Everything is read, nothing is changed but the file that is written.
"""

from ops.adopt.adoption import Request, adopt
from ops.adopt.draft import Adopted, Note, is_left

__all__ = ["Adopted", "Note", "Request", "adopt", "is_left"]
