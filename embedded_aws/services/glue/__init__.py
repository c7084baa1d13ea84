"""AWS Glue: jobs whose runs take time on the virtual clock and tell EventBridge how they ended."""
