"""Amazon EventBridge Scheduler: schedules that start their targets on the virtual clock."""
