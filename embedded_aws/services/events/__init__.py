"""Amazon EventBridge: rules that deliver events to their targets, or say why they could not."""
