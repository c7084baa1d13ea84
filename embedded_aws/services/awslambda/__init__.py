"""AWS Lambda: the deployed functions, run from their zip by AWS's own runtime client."""
