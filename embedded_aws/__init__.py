"""The embedded cloud: a synthesised CDK app, deployed and run in one local process."""
