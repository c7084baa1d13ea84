"""The CDK stack of one environment."""
