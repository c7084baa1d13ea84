"""Amazon EventBridge: rules that deliver events to their targets, or report why they could not."""
