"""Amazon Personalize, emulated: its API, lifecycles and quotas, with a small but real training."""
