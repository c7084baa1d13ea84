"""AWS Glue: jobs whose runs take simulated time and report their final state to EventBridge."""
