"""The operator's command line; it is not deployed."""
