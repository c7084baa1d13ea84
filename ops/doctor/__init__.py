"""`ops doctor`: everything that would keep a refresh from working, before and after deployment."""

from ops.doctor.examination import Examination, Finding, examine

__all__ = ["Examination", "Finding", "examine"]
