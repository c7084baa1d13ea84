"""The embedded cloud: the synthesised app, deployed and run with no AWS account."""
