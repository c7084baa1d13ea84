"""What moto lacks for each service."""
