"""DynamoDB: moto's, whose provisioned tables are throttled."""
