"""Programs that generate documents."""
