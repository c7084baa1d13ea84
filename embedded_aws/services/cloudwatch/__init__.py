"""Amazon CloudWatch: metrics at the virtual time, and alarms that act when it has come."""
