"""What moto lacks of each service."""
